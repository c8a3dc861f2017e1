import { describe, expect, it } from '@jest/globals';
import { renderRotations } from '../../../src/report/page/rotation-page.ts';
import type { MissingRotation, ReportedRotation } from '../../../src/report/rotation-schema.ts';
import { checked, sampleRotation } from './sample-rotation.ts';

const page = (rotations: ReportedRotation[], missing: MissingRotation[] = []) =>
  renderRotations({
    format: 1,
    tool: { name: 'rotate-tokens', version: '0.1.0' },
    writtenAt: '2026-03-01T13:00:00.000Z',
    rotations,
    missing,
    summary: 'The summary.',
  });
const badgeOf = (text: string) => /<span class="badge (\w+)">([^<]+)</.exec(text)?.slice(1);

describe('the page of whole rotations', () => {
  it('shows runs, orders, verifications and faults of each', () => {
    const text = page([sampleRotation()]);
    expect(text).toContain('<h1>Rotation ‘leak’</h1>');
    for (const part of ['web-1, pid 4242, as shop', 'was resumed by ada@web-1', 'coverage says ok.', 'was lost.']) {
      expect(text).toContain(part);
    }
    expect(text).not.toMatch(/NaN|undefined|Infinity|\[object|<script|(?:src|href)="http/);
  });

  it('has the badge of the worst', () => {
    const broken = sampleRotation({ checks: [checked([{ check: 'shape', level: 'stop' }])] });
    const open = sampleRotation({ state: 'stopped', completedAt: null, verifiedAt: null });
    expect(badgeOf(page([sampleRotation()]))).toEqual(['good', 'Complete and verified']);
    expect(badgeOf(page([sampleRotation(), broken, open]))).toEqual(['bad', 'Complete, with a problem']);
    expect(badgeOf(page([sampleRotation(), open]))).toEqual(['bad', 'Not complete']);
    expect(badgeOf(page([sampleRotation()], [{ rotation: 'leak:invite', why: 'not begun' }]))).toEqual([
      'bad',
      'Not complete',
    ]);
    expect(badgeOf(page([sampleRotation({ verifiedAt: null })]))).toEqual(['note', 'Complete, not verified']);
  });

  it('lists them all, also those that have not begun', () => {
    const text = page([sampleRotation({ rotation: 'leak:customer' })], [{ rotation: 'leak:invite', why: 'not begun' }]);
    expect(text).toContain('<h1>2 rotations</h1>');
    expect(text).toMatch(/leak:invite<\/td><td class="level bad">Not begun/);
  });

  it('shows text from the database as text', () => {
    expect(page([sampleRotation({ database: '<script>alert(1)</script>' })])).not.toContain('<script>');
  });
});
