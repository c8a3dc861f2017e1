import { describe, expect, it } from '@jest/globals';
import { formatOfName } from '../../src/verify/list-format.ts';

describe('the format of a list', () => {
  it.each([
    ['tokens.csv', 'csv'],
    ['tokens.tsv', 'csv'],
    ['/dumps/2026.11/TOKENS.CSV.GZ', 'csv'],
    ['tokens.ndjson', 'ndjson'],
    ['tokens.jsonl.gz', 'ndjson'],
    ['tokens.txt', 'plain'],
    ['tokens', 'plain'],
    ['tokens.gz', 'plain'],
    ['csv', 'plain'],
    ['-', 'plain'],
  ])('is, by its name %s, taken for %s', (name, format) => expect(formatOfName(name)).toBe(format));
});
