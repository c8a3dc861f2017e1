import { formatCount, formatDuration, formatTime, formatTotal } from '../../text/format.ts';
import { countOf, shortened } from '../../text/wording.ts';
import type { MissingRotation, ReportedRotation, RotationReport } from '../rotation-schema.ts';
import { latestFindings, type Standing, standingOf } from '../rotation-summary.ts';
import { type Pair, pairs, section, table, UNKNOWN } from './layout.ts';
import { html, type Markup, NOTHING } from './markup.ts';
import type { Badge } from './outcome.ts';
import { showFindings, showOrders, summarySection } from './sections.ts';
import { renderPage } from './shell.ts';

const BADGES: Record<Standing, Badge> = {
  problem: { text: 'Complete, with a problem', tone: 'bad' },
  incomplete: { text: 'Not complete', tone: 'bad' },
  unverified: { text: 'Complete, not verified', tone: 'note' },
  verified: { text: 'Complete and verified', tone: 'good' },
};

const WHY: Record<MissingRotation['why'], string> = { 'not begun': 'Not begun', unreadable: 'Not readable' };

/** The worst first. */
const BY_SEVERITY: readonly Standing[] = ['problem', 'incomplete', 'unverified', 'verified'];

/** The report of whole rotations as a page. */
export function renderRotations(report: RotationReport): string {
  const { rotations, tool, writtenAt, summary } = report;
  const standings = rotations.map(standingOf);
  if (report.missing.length > 0) standings.push('incomplete');
  const badge = BADGES[BY_SEVERITY.find((each) => standings.includes(each)) ?? 'incomplete'];
  const [only] = rotations;
  const isOne = rotations.length + report.missing.length === 1;
  const title = isOne ? `Rotation ‘${only?.rotation}’` : countOf(rotations.length + report.missing.length, 'rotation');
  return renderPage({ title: `${title}: report`, tool, writtenAt }, [
    html`<header>
<h1>${title}</h1>
<span class="badge ${badge.tone}">${badge.text}</span>
</header>`,
    summarySection(summary, badge.tone),
    isOne ? NOTHING : showOverview(rotations, report.missing),
    ...rotations.flatMap((rotation) => [
      isOne ? NOTHING : html`<h1>${rotation.rotation}</h1>`,
      ...sectionsOf(rotation),
    ]),
  ]);
}

function showOverview(rotations: readonly ReportedRotation[], missing: readonly MissingRotation[]): Markup {
  const rows = rotations.map((rotation) => {
    const { text, tone } = BADGES[standingOf(rotation)];
    return html`<tr><td>${rotation.rotation}</td><td class="level ${tone}">${text}</td><td class="number">${formatCount(rotation.rows.done)}</td></tr>`;
  });
  const unknown = missing.map(
    ({ rotation, why }) =>
      html`<tr><td>${rotation}</td><td class="level bad">${WHY[why]}</td><td class="number">${UNKNOWN}</td></tr>`,
  );
  return section('Rotations', table(['Rotation', 'State', 'Rows rotated'], [...rows, ...unknown], 'amounts'));
}

function sectionsOf(rotation: ReportedRotation): Markup[] {
  return [
    section(
      'Key facts',
      html`<div class="facts">${[pairs('Rotation', factsOf(rotation)), pairs('Rows', factsOfRows(rotation))]}</div>`,
    ),
    showFindings('What was found last', latestFindings(rotation)),
    showChecks(rotation),
    showRuns(rotation),
    showOrders(rotation),
    showFaults(rotation),
  ];
}

function factsOf({ target, database, state, startedAt, completedAt, verifiedAt }: ReportedRotation): Pair[] {
  return [
    ['Target', shortened(target)],
    ['Database', database],
    ['Began', formatTime(startedAt)],
    ['Completed', completedAt === null ? `no (${state})` : formatTime(completedAt)],
    ['Verified', verifiedAt === null ? 'no' : formatTime(verifiedAt)],
  ];
}

function factsOfRows({ rows, condemned, listSha256 }: ReportedRotation): Pair[] {
  const total = formatTotal({ rowsTotal: rows.total, totalIsEstimate: rows.totalIsEstimate });
  return [
    ['Rotated', `${formatCount(rows.done)} of ${total}`],
    ['Set aside', formatCount(rows.setAside)],
    ['Tokens condemned', condemned === null ? UNKNOWN : formatCount(condemned)],
    ['Only tokens of a list (SHA-256)', listSha256 === null ? 'no' : beginningOf(listSha256)],
  ];
}

/** The whole is in the summary and in the JSON form. */
function beginningOf(sha256: string): string {
  return `${sha256.slice(0, 12)}…`;
}

function showChecks({ checks }: ReportedRotation): Markup {
  const rows = checks.map(({ at, by, databaseUser, listSha256, tokensChecked, findings }) => {
    const stops = findings.filter(({ level }) => level === 'stop').length;
    const found = stops === 0 ? 'no problem' : countOf(stops, 'problem');
    const count = tokensChecked === null ? '' : `${countOf(tokensChecked, 'token')} of `;
    const list = listSha256 === null ? UNKNOWN : `${count}${beginningOf(listSha256)}`;
    return html`<tr><td class="row-key">${formatTime(at)}</td><td class="words">${by}, as ${databaseUser}</td><td>${list}</td><td class="level ${stops === 0 ? 'good' : 'bad'}">${found}</td></tr>`;
  });
  if (rows.length === 0) return NOTHING;
  return section('Verifications', table(['Time', 'By', 'Looked up of a list (SHA-256)', 'Found'], rows));
}

function showRuns({ runs }: ReportedRotation): Markup {
  const rows = runs.map(({ host, pid, databaseUser, startedAt, endedAt, outcome, rows: count }) => {
    const took = endedAt === null ? UNKNOWN : formatDuration(Date.parse(endedAt) - Date.parse(startedAt));
    return html`<tr><td class="row-key">${formatTime(startedAt)}</td><td class="words">${host}, pid ${String(pid)}, as ${databaseUser}</td><td>${outcome}</td><td>${took}</td><td class="number">${formatCount(count)}</td></tr>`;
  });
  if (rows.length === 0) return NOTHING;
  return section('Runs', table(['Began', 'Process', 'End', 'Took', 'Rows'], rows, 'amounts'));
}

function showFaults({ faults }: ReportedRotation): Markup {
  const rows = faults.map(
    ({ at, partition, fault }) =>
      html`<tr><td class="row-key">${formatTime(at)}</td><td class="row-key">${String(partition)}</td><td>${fault}</td></tr>`,
  );
  if (rows.length === 0) return NOTHING;
  return section('Last faults', table(['Time', 'Partition', 'Fault'], rows));
}
