/** The type of a target: what a project's generated client allows. Nothing of it exists at run time. */

import type { ITXClientDenyList } from '@prisma/client/runtime/client';
import type { TokenKind } from './token-kinds.ts';

/** Any target that a client's models allow. */
export type TargetOf<Client> = { [Model in keyof Models<Client>]: TargetOfModel<Client, Model> }[keyof Models<Client>];

type TargetOfModel<Client, Model extends keyof Models<Client>> =
  | {
      [Key in KeyOf<Models<Client>[Model]>]: {
        /** Its unique key: a field of type Int, BigInt or String, or several that are unique together, in their order. */
        key: Key;
      } & Rest<Client, Model, Key, Models<Client>[Model][Key]>;
    }[KeyOf<Models<Client>[Model]>]
  | ({ key: readonly PartOf<Models<Client>[Model]>[] } & Rest<
      Client,
      Model,
      never,
      Partial<Pick<Models<Client>[Model], PartOf<Models<Client>[Model]>>>
    >);

/** Fields that can be a key. */
type KeyOf<Fields> = FieldOf<Fields, string | number | bigint>;

/** Fields that can be part of a key. */
type PartOf<Fields> = FieldOf<Fields, string | number | bigint | Date>;

/** A target but for its key. @typeParam Key the field that is the key @typeParam KeyValue what `afterBatch` gets of it */
type Rest<Client, Model extends keyof Models<Client>, Key, KeyValue> = {
  /** The model, as in the Prisma schema. */
  model: Model;
  /** The field with the token: a String; or Bytes, when only a hash is stored. */
  token: FieldOf<Models<Client>[Model], string | Uint8Array | null>;
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
  touch?: FieldOf<Models<Client>[Model], Date | null> | FieldOf<Models<Client>[Model], Date | null>[];
  /**
   * Keeps the old token valid for a while, in the field `token`, until the time in the field `until`: for planned rotations.
   * After a leak it keeps the leaked tokens valid. `for` is such as '24h': minutes, hours or days, up to 90 days.
   */
  grace?: {
    token: FieldOf<Models<Client>[Model], string | Uint8Array | null>;
    until: FieldOf<Models<Client>[Model], Date | null>;
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

/** Model and fields in the types of each delegate of a generated client, such as `client.ticket`. */
interface Delegate {
  [symbol: symbol]: {
    types: { payload: { scalars: Record<string, unknown> }; operations: { findMany: { args: { where?: unknown } } } };
    meta: { name: string };
  };
}

type NameOf<Property> = Property extends Delegate ? Property[symbol]['meta']['name'] : never;
type FieldsOf<Property> = Property extends Delegate ? Property[symbol]['types']['payload']['scalars'] : never;
type WhereOf<Property> = Property extends Delegate
  ? NonNullable<Property[symbol]['types']['operations']['findMany']['args']['where']>
  : never;
type FieldOf<Fields, Type> = { [Name in keyof Fields]: Fields[Name] extends Type ? Name : never }[keyof Fields] &
  string;

/** Without `$transaction`, since everything already runs in the transaction of the batch. */
type TransactionOf<Client> = Omit<Client, ITXClientDenyList | '$transaction'>;
