import type { LeakedText } from './leaked-entry.ts';
import { digestIn, spellingsOf } from './spellings.ts';
import type { StoredColumn } from './stored-column.ts';
import { type Census, holdsSha256, storedForms } from './stored-forms.ts';
import { hasForm } from './token-profile.ts';

/** Entries of a leaked list, compared with the column. */
export interface ReadableEntries {
  /** Every value of the column that one of them may stand for. */
  forms: string[];
  /** Those that cannot be a token of this column as it is now. They are looked up all the same. */
  unlike: LeakedText[];
}

/**
 * The form of a token whose hash is in the column: 12 or more characters that are usual in tokens. A sentence, a record
 * of several fields or an e-mail address does not have it.
 */
const PLAUSIBLE = /^[\w.~+/=:|$%!*-]{12,}$/;

/** @param allowsOtherForm whether a line is taken for a token whatever it looks like */
export function readableEntries(
  column: StoredColumn,
  entries: readonly LeakedText[],
  census: Census | null,
  allowsOtherForm: boolean,
): ReadableEntries {
  const all: ReadableEntries = { forms: [], unlike: [] };
  for (const entry of entries) {
    const { text } = entry;
    const forms = storedForms(column.storage, text, census);
    for (const form of forms) all.forms.push(form);
    const isToken =
      allowsOtherForm && takesAnyForm(column) ? isLookedUp(column, text, forms) : isReadable(column, text, forms);
    if (!isToken) all.unlike.push(entry);
  }
  return all;
}

/** If hashes are expected but there are none, it is unknown what would match. */
function takesAnyForm({ storage, sampled, hashes }: StoredColumn): boolean {
  return !holdsSha256(storage) || sampled === 0 || hashes > 0;
}

/** A census may have shown that no row has any of its forms: then it was looked for, too. */
function isLookedUp({ storage }: StoredColumn, entry: string, forms: readonly string[]): boolean {
  return storage === 'uuid' ? forms.length > 0 : spellingsOf(entry).length > 0;
}

/** Bytes are compared as their digits. */
function withoutMark(form: string): string {
  return form.replace(/^\\x/, '');
}

function isReadable(column: StoredColumn, entry: string, forms: readonly string[]) {
  const { storage, hash, profile, sampled, hashes } = column;
  if (storage === 'uuid') return forms.length > 0;
  const spellings = spellingsOf(entry);
  if (sampled === 0) return spellings.length > 0;
  // The forms of an entry in a hashed column are hashes that were computed here: they say nothing about the entry.
  const texts = holdsSha256(storage) ? spellings : [...spellings, ...forms.map(withoutMark)];
  if (profile !== null && texts.some((text) => hasForm(profile, text))) return true;
  if (hash !== null) return spellings.some((spelling) => PLAUSIBLE.test(spelling));
  return hashes > 0 && spellings.some((spelling) => PLAUSIBLE.test(spelling) || digestIn(spelling) !== undefined);
}
