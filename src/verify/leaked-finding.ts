import { type Finding, LEAKED_LIST } from '../finding.ts';
import { countOf, listed } from '../text/wording.ts';
import type { LeakedTokens, Rows } from './survivors.ts';

/** State of the rotation that is verified; `unrecorded`: no rotation of this name has begun. */
export type RotationState = 'complete' | 'incomplete' | 'unrecorded';

export interface LeakedJudgement {
  state: RotationState;
  /** Unreadable lines that are put up with. */
  allowUnreadable: number;
}

/** Says what the leaked list has shown. Only what was looked at, and not found, is good. */
export function leakedFinding(tokens: LeakedTokens, { state, allowUnreadable }: LeakedJudgement): Finding {
  const { survivors, outOfScope, unreadable, checked, column } = tokens;
  if (survivors.count + outOfScope.count > 0) return stillWorking(tokens, state);
  if (checked + unreadable.count === 0) {
    return stop('The leaked list is empty, so no token was looked up.', 'Pass the right list.');
  }
  if (column === 'unknown' && checked === 0) return unknownColumn(unreadable.count);
  if (checked === 0) return wrongList(unreadable.count);
  if (unreadable.count > allowUnreadable) return inconclusive(tokens);
  return notFound(tokens);
}

/** Reports that no list was looked up, so that no one takes the other checks for that. */
export function noListFinding(): Finding {
  return {
    check: LEAKED_LIST,
    level: 'warning',
    message: 'No list of leaked tokens was looked up.',
    advice: 'Pass one with --leaked FILE to check whether any of its tokens still works.',
  };
}

function stop(message: string, advice: string): Finding {
  return { check: LEAKED_LIST, level: 'stop', message, advice };
}

function factsOf({ checked, unreadable: { count, lines } }: LeakedTokens): string {
  const unread =
    count === 0 ? '' : `, ${countOf(count, 'line')} could not be read: ${listed(lines.map(String), count)}`;
  return `${countOf(checked, 'token')} looked up${unread}`;
}

function stillWorking(tokens: LeakedTokens, state: RotationState): Finding {
  const { survivors, outOfScope } = tokens;
  const advice = [
    ...(survivors.count > 0 ? [ADVICE[state]] : []),
    ...(outOfScope.count > 0 ? [OUT_OF_SCOPE] : []),
  ].join(' ');
  return stop(`Leaked tokens still work, on ${placesOf(survivors, outOfScope)} (${factsOf(tokens)}).`, advice);
}

function placesOf(survivors: Rows, outOfScope: Rows): string {
  const byKey = ({ count, keys }: Rows) => `by key: ${listed(keys, count)}`;
  if (outOfScope.count === 0) return `${countOf(survivors.count, 'row')}, ${byKey(survivors)}`;
  if (survivors.count === 0) return `${countOf(outOfScope.count, 'row')}, all outside the scope, ${byKey(outOfScope)}`;
  const parts = [
    `${survivors.count} in the scope, ${byKey(survivors)}`,
    `${outOfScope.count} outside, ${byKey(outOfScope)}`,
  ];
  return `${countOf(survivors.count + outOfScope.count, 'row')}: ${parts.join('; ')}`;
}

const ADVICE: Record<RotationState, string> = {
  incomplete: 'The rotation is not complete. Run it again: it continues where it stopped.',
  complete:
    'The rotation had replaced every token in its scope, so these were written since: by a restored backup, an import ' +
    'or an application with old data. Stop that, then rotate again (--again, with another --name).',
  unrecorded: 'No rotation of this name has begun. Start it, or pass another --name.',
};

const OUT_OF_SCOPE =
  "The target's scope excludes rows, so no rotation of this target replaces their tokens. " +
  'Rotate a target whose scope includes them under another --name, or delete their tokens.';

function unknownColumn(lines: number): Finding {
  return stop(
    `Not conclusive: the column holds no SHA-256 hash in a known form, so none of ${countOf(lines, 'line')} could match.`,
    'Store hashes as hexadecimal digits, Base64 or bytea, or correct the kind of the target.',
  );
}

function wrongList(lines: number): Finding {
  return stop(
    `Not conclusive: none of ${countOf(lines, 'line')} has the form of a token in the column. This is most likely the wrong list.`,
    'Check the file, --leaked-format and --leaked-column. If the rotation gave the tokens another form, pass --allow-other-form.',
  );
}

function inconclusive(tokens: LeakedTokens): Finding {
  const { count } = tokens.unreadable;
  return stop(
    `Not conclusive: ${countOf(count, 'line')} could not be read as a token of the column (${factsOf(tokens)}; none of them works anymore).`,
    'Check these lines, --leaked-format and --leaked-column. ' +
      `If they hold no token, pass --allow-unreadable ${count}; if tokens had another form, --allow-other-form.`,
  );
}

function notFound(tokens: LeakedTokens): Finding {
  const message = `No leaked token works anymore (${factsOf(tokens)}).`;
  const doubt = doubtOf(tokens);
  return doubt === undefined
    ? { check: LEAKED_LIST, level: 'ok', message }
    : { check: LEAKED_LIST, level: 'warning', message, advice: doubt };
}

function doubtOf({ column, unreadable }: LeakedTokens): string | undefined {
  if (column === 'empty') return 'The column holds no tokens. Check that this is the right database.';
  if (column === 'unknown' || column === 'partly unknown') {
    return 'Some values of the column are not SHA-256 hashes in a known form and were compared unchanged. Check them.';
  }
  return unreadable.count > 0 ? 'These lines were not looked up.' : undefined;
}
