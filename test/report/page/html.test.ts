import { describe, expect, it } from '@jest/globals';
import { type Report, RowsNotRotatedError } from '../../../src/index.ts';
import { drawCharts } from '../../../src/report/page/charts.ts';
import { renderHtml } from '../../../src/report/page/html.ts';
import { STARTED, sampleReport } from './sample.ts';

const EVIL = `<script>alert("1")</script>&'`;
const ESCAPED = '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;';

/** Elements that have no end. */
const VOID = ['meta', 'br', 'hr', 'img', 'link'];

/** The first tag that closes something else than what is open; undefined when all is well. */
function firstMismatch(page: string): string | undefined {
  const open: string[] = [];
  for (const [tag, slash, name = '', selfClosed] of page.matchAll(
    /<(\/?)([a-zA-Z][\w-]*)(?:"[^"]*"|[^<>"])*?(\/?)>/g,
  )) {
    if (VOID.includes(name) || selfClosed) continue;
    if (!slash) open.push(name);
    else if (open.pop() !== name) return tag;
  }
  return open.at(-1);
}

const render = (report: Report) => renderHtml(report, drawCharts(report));

describe('the page of a report', () => {
  const page = render(sampleReport());

  it('is one whole HTML document', () => {
    expect(page).toMatch(/^<!doctype html>\n<html lang="en">[\s\S]*<\/html>\n$/);
    expect(firstMismatch(page)).toBeUndefined();
  });

  it('draws the speed, the batches and the memory', () => {
    expect(page.match(/<svg /g)).toHaveLength(3);
    expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });

  it('needs no network and no script', () => {
    const addresses = page.match(/\w+:\/\/[^"'\s)]*/g) ?? [];
    expect([...new Set(addresses)].sort()).toEqual(['http://www.w3.org/1999/xlink', 'http://www.w3.org/2000/svg']);
    expect(page.match(/(?<!xmlns(:xlink)?)="https?:/g)).toBeNull();
    expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\((?!#)|javascript:| on\w+=/i);
  });

  it('has no two elements of the same id', () => {
    const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('has colours for light and for dark', () => {
    expect(page).toContain('prefers-color-scheme: dark');
    const inCharts = page.match(/<svg [\s\S]*?<\/svg>/g)?.join('') ?? '';
    const colors = [...inCharts.matchAll(/(?:fill|stroke)="([^"]*)"/g)].map(([, color]) => color);
    const fixed = colors.filter((color) => !/^(none|var\(--[a-z]+\)|url\(#.*\))$/.test(color ?? ''));
    expect(new Set(fixed)).toEqual(new Set(['#000'])); // of clip paths, which are not seen
    const used = [...page.matchAll(/var\((--[a-z-]+)\)/g)].map(([, name]) => name);
    expect([...new Set(used)].filter((name) => !page.includes(`${name}: `))).toEqual([]);
  });

  it('shows outcome, summary, rows and settings', () => {
    expect(page).toContain('<span class="badge good">Complete</span>');
    for (const line of sampleReport().summary.split('\n')) {
      expect(page).toContain(`<p>${line.replaceAll("'", '&#39;')}</p>`);
    }
    expect(page).toMatch(/Rotated by this run<\/th><td>2,000</);
    expect(page).toMatch(/<code>--target-batch-ms<\/code><\/td><td>250</);
  });

  it('shows text as text, wherever it comes from', () => {
    const report: Report = {
      ...sampleReport(),
      rotation: EVIL,
      target: EVIL,
      database: EVIL,
      summary: EVIL,
      watermark: EVIL,
      tool: { name: 'rotate-tokens', version: EVIL },
      settings: { [EVIL]: EVIL },
      faults: [{ fault: EVIL, count: 1 }],
      throttledMs: { [EVIL]: 1 },
      rowsSetAside: 1,
      setAside: [{ key: EVIL, fault: EVIL }],
      notRotated: { count: 1, rows: [{ key: EVIL, fault: EVIL }] },
      preflight: [{ check: EVIL, level: 'ok', message: EVIL, advice: EVIL }],
      verification: [{ check: EVIL, level: 'stop', message: EVIL, advice: EVIL }],
    };
    const written = render(report);
    expect(written).not.toContain('<script');
    expect(written.split(ESCAPED).length - 1).toBeGreaterThanOrEqual(20);
    expect(firstMismatch(written)).toBeUndefined();
  });

  it('names the rows that still have their leaked token', () => {
    const rows = Array.from({ length: 1_001 }, (_, index) => ({ key: `${index}`, fault: '55P03' }));
    const written = render(sampleReport({ end: { error: new RowsNotRotatedError('march', rows) } }));
    expect(written).toContain('<span class="badge bad">Failed</span>');
    expect(written).toMatch(/<h2>Rows that still have their leaked token<\/h2>[\s\S]*<td class="row-key">999<\/td>/);
    expect(written).toContain('and 1 more.');
  });

  it('warns of a problem that the verification found, although the run came to its end', () => {
    const written = render(
      sampleReport({ verification: [{ check: 'leaked', level: 'stop', message: 'Three are left.' }] }),
    );
    expect(written).toContain('<span class="badge bad">Complete, with a problem</span>');
    expect(written).toMatch(/<td class="level bad">stop<\/td>/);
  });

  it.each([
    ['nothing', []],
    ['no batch', [STARTED]],
  ])('draws nothing of a run that did %s', (_, events) => {
    const written = render(sampleReport({ end: { result: { outcome: 'interrupted', counts: null } } }, events));
    expect(written).not.toContain('<svg');
    expect(written).toContain('no course to draw');
    expect(written).not.toMatch(/NaN|undefined|Infinity/);
    expect(firstMismatch(written)).toBeUndefined();
  });
});
