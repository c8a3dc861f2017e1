/** The type of a target: what a project's generated client allows. Nothing of it exists at run time. */

import type { ITXClientDenyList } from '@prisma/client/runtime/client';
import type { TokenKind } from './token-kinds.ts';

/** Any target that a client's models allow. */
export type TargetOf<Client> = TargetOfModel<Client, ModelOf<Client>>;

/** The name of a model. */
export type ModelOf<Client> = keyof Models<Client>;

/**
 * Targets by name. The model of each is found out first: then the compiler holds its other names against that model alone.
 *
 * @typeParam Chosen the models, by the names of the targets
 */
export type TargetsOf<Client, Chosen extends Record<string, ModelOf<Client>>> = {
  [Name in keyof Chosen]: { model: Chosen[Name] } & TargetOfModel<Client, Chosen[Name]>;
};

type TargetOfModel<Client, Model extends ModelOf<Client>> = Model extends unknown
  ? TargetWithKey<Client, Model>
  : never;

type TargetWithKey<Client, Model extends ModelOf<Client>> =
  | {
      [Key in KeyOf<UniqueWheres<Client>[Model]> & keyof Models<Client>[Model]]: {
        /** Its unique key: a field of type Int, BigInt or String, or several that are unique together, in their order. */
        key: Key;
      } & Rest<Client, Model, Key, Models<Client>[Model][Key]>;
    }[KeyOf<UniqueWheres<Client>[Model]> & keyof Models<Client>[Model]]
  | WithPartsOf<Client, Model, Compounds<UniqueWheres<Client>[Model], Models<Client>[Model]>>;

/** A target for each compound of fields that are unique together. */
type WithPartsOf<Client, Model extends ModelOf<Client>, Compound> = Compound extends unknown
  ? { key: readonly (keyof Compound & string)[] } & Rest<
      Client,
      Model,
      never,
      Pick<Models<Client>[Model], keyof Compound & keyof Models<Client>[Model]>
    >
  : never;

/** Fields that are unique alone: `findUnique` takes nothing but a value of them. */
type KeyOf<Where> = {
  [Name in keyof Where]-?: NonNullable<Where[Name]> extends string | number | bigint ? Name : never;
}[keyof Where];

/** Fields that are unique together: `findUnique` takes an object with a value of each. Others have `AND`, `equals` or the like. */
type Compounds<Where, Fields> = { [Name in keyof Where]-?: CompoundIn<NonNullable<Where[Name]>, Fields> }[keyof Where];

type CompoundIn<Value, Fields> = Value extends object ? (keyof Value extends keyof Fields ? Value : never) : never;

/** A target but for its key. @typeParam Key the field that is the key @typeParam KeyValue what `afterBatch` gets of it */
type Rest<Client, Model extends ModelOf<Client>, Key, KeyValue> = {
  /** The model, as in the Prisma schema. */
  model: Model;
  /** The field with the token: a String; or Bytes, when only a hash is stored. */
  token: FieldsThatHold<Models<Client>[Model]>['token'];
  kind: TokenKind;
  /** Which rows, as a `where` of Prisma. @default all of them */
  scope?: Wheres<Client>[Model];
  /** Insists on tokens with fewer than 122 bits that cannot be guessed. @default false */
  acceptWeakTokens?: boolean;
  /**
   * Values of other fields of a row, written in the same statement as its token: its beginning, for people to recognize it
   * by. Each row must have the same fields. The token is in clear.
   */
  set?: (row: RowOf<KeyValue>) => Partial<Omit<Models<Client>[Model], Key & PropertyKey>>;
  /** Fields of type DateTime that get the time of the batch, as Prisma gives it to those with `@updatedAt`. */
  touch?: FieldsThatHold<Models<Client>[Model]>['moment'] | FieldsThatHold<Models<Client>[Model]>['moment'][];
  /**
   * Keeps the old token valid for a while, in the field `token`, until the time in the field `until`: for planned rotations.
   * After a leak it keeps the leaked tokens valid. `for` is such as '24h': minutes, hours or days, up to 90 days.
   */
  grace?: {
    token: FieldsThatHold<Models<Client>[Model]>['token'];
    until: FieldsThatHold<Models<Client>[Model]>['moment'];
    for: string;
  };
} & AfterBatchOf<Client, KeyValue>;

/** A rotated row. */
type RowOf<KeyValue> = { key: KeyValue; token: string };

/**
 * Runs in the transaction of each batch, when its tokens are written: what it writes through `transaction` is there
 * exactly once for each rotated row, or not at all. It is called for up to 1,000 rows at a time.
 */
type AfterBatchOf<Client, KeyValue> =
  | {
      withOldTokens?: false;
      afterBatch?: (transaction: TransactionOf<Client>, rows: RowOf<KeyValue>[]) => Promise<unknown>;
    }
  | {
      /** Hands over what the token's column held before, too. It must not be logged. @default false */
      withOldTokens: true;
      afterBatch: (
        transaction: TransactionOf<Client>,
        rows: (RowOf<KeyValue> & { oldToken: string | Uint8Array | null })[],
      ) => Promise<unknown>;
    };

/** The fields, with their types, of each model that a generated client has; by the model's name. */
type Models<Client> = {
  [Property in keyof Client as Property extends string ? NameOf<Client[Property]> : never]: FieldsOf<Client[Property]>;
};

/** What `findMany` of each model takes as `where`; by the model's name. */
type Wheres<Client> = {
  [Property in keyof Client as Property extends string ? NameOf<Client[Property]> : never]: WhereOf<Client[Property]>;
};

/** What `findUnique` of each model takes as `where`; by the model's name. */
type UniqueWheres<Client> = {
  [Property in keyof Client as Property extends string ? NameOf<Client[Property]> : never]: UniqueWhereOf<
    Client[Property]
  >;
};

/** Model and fields in the types of each delegate of a generated client, such as `client.ticket`. */
interface Delegate {
  [symbol: symbol]: {
    types: {
      payload: { scalars: Record<string, unknown> };
      operations: { findMany: { args: { where?: unknown } }; findUnique: { args: { where: unknown } } };
    };
    meta: { name: string };
  };
}

type NameOf<Property> = Property extends Delegate ? Property[symbol]['meta']['name'] : never;
type FieldsOf<Property> = Property extends Delegate ? Property[symbol]['types']['payload']['scalars'] : never;
type WhereOf<Property> = Property extends Delegate
  ? NonNullable<Property[symbol]['types']['operations']['findMany']['args']['where']>
  : never;
type UniqueWhereOf<Property> = Property extends Delegate
  ? Property[symbol]['types']['operations']['findUnique']['args']['where']
  : never;
/**
 * The names of a model's fields by what they may hold. They are members, and not types with a name of their own, for
 * errors of the compiler to list them.
 */
interface FieldsThatHold<Fields> {
  token: {
    [Name in keyof Fields & string]: Fields[Name] extends string | Uint8Array | null ? Name : never;
  }[keyof Fields & string];
  moment: { [Name in keyof Fields & string]: Fields[Name] extends Date | null ? Name : never }[keyof Fields & string];
}

/** Without `$transaction`, since everything already runs in the transaction of the batch. */
type TransactionOf<Client> = Omit<Client, ITXClientDenyList | '$transaction'>;
