import type { Report } from '../schema.ts';

/** Severity of a result; the style sheet has a color for each. */
export type Tone = 'good' | 'note' | 'bad';

/** An outcome in a word or two. */
export interface Badge {
  text: string;
  tone: Tone;
}

const BADGES: Record<Report['outcome'], Badge> = {
  complete: { text: 'Complete', tone: 'good' },
  'already-complete': { text: 'Already complete', tone: 'good' },
  empty: { text: 'Nothing to rotate', tone: 'good' },
  interrupted: { text: 'Interrupted', tone: 'note' },
  failed: { text: 'Failed', tone: 'bad' },
};

/** A finding of verification outweighs the end of the run. */
export function badgeOf({ outcome, verification }: Report): Badge {
  return verification.some(({ level }) => level === 'stop')
    ? { text: `${BADGES[outcome].text}, with a problem`, tone: 'bad' }
    : BADGES[outcome];
}
