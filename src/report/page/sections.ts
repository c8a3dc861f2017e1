import { optionName } from '../../config/settings.ts';
import { formatCount, formatDuration, formatTime } from '../../text/format.ts';
import { shortened } from '../../text/wording.ts';
import type { Report } from '../schema.ts';
import type { Chart, LegendItem } from './charts.ts';
import { none, section, table, UNKNOWN } from './layout.ts';
import { html, type Markup, NOTHING, trusted } from './markup.ts';
import { badgeOf, type Tone } from './outcome.ts';

export function showHeader(report: Report): Markup {
  const { text, tone } = badgeOf(report);
  return html`<header>
<h1>Rotation ‘${report.rotation}’</h1>
<span class="badge ${tone}">${text}</span>
<p>of <code>${shortened(report.target)}</code> in <code>${report.database}</code>, ${formatTime(report.startedAt)}</p>
</header>`;
}

export function showSummary(report: Report): Markup {
  return summarySection(report.summary, badgeOf(report).tone);
}

/** @param text lines with `\n` in between */
export function summarySection(text: string, tone: Tone): Markup {
  const lines = text.split('\n').map((line) => html`<p>${line}</p>`);
  return section(
    'Summary',
    html`<div class="summary ${tone}"><div>${lines}</div></div>
<p class="hint">One click selects the text for your ticket.</p>`,
  );
}

export function showCharts(charts: readonly Chart[] | null): Markup {
  if (charts === null)
    return section('Course', none('The charts are missing because the package echarts is not installed.'));
  if (charts.length === 0)
    return section('Course', none('This run committed no batch, so there is no course to draw.'));
  const figures = charts.map(
    ({ title, note, svg, legend }) => html`<figure>
<figcaption><h3>${title}</h3><span>${note}</span><span class="legend">${legend.map(showKey)}</span></figcaption>
${trusted(svg)}
</figure>`,
  );
  return section('Course', html`${figures}`);
}

function showKey({ color, mark, text }: LegendItem): Markup {
  return html`<span class="key ${mark}" style="--tone: ${color}">${text}</span>`;
}

export function showFaults({ faults }: Report): Markup {
  if (faults.length === 0) return section('Faults', none('Nothing was retried.'));
  const rows = faults.map(({ fault, count }) => amountRow(fault, formatCount(count)));
  return section('Faults', table(['Fault, retried', 'Times'], rows, 'amounts'));
}

export function showThrottles({ throttledMs }: Report): Markup {
  const rows = Object.entries(throttledMs).map(([reason, ms]) => amountRow(reason, formatDuration(ms)));
  if (rows.length === 0) return NOTHING;
  return section('Pauses', table(['Throttle', 'All workers together'], rows, 'amounts'));
}

export function showOrders({ orders }: Pick<Report, 'orders'>): Markup {
  if (orders.length === 0) return NOTHING;
  const rows = orders.map(
    ({ at, order }) => html`<tr><td class="row-key">${formatTime(at)}</td><td>${order}</td></tr>`,
  );
  return section('Orders', table(['Time', 'Order'], rows));
}

/** @param count how many there are, where not all are named */
export function showRows(title: string, count: number, rows: Report['setAside']): Markup {
  if (count === 0) return NOTHING;
  const cells = rows.map(({ key, fault }) => html`<tr><td class="row-key">${key}</td><td>${fault}</td></tr>`);
  const more = count > rows.length ? none(`and ${formatCount(count - rows.length)} more.`) : NOTHING;
  return section(title, html`${table(['Key', 'Why'], cells)}${more}`);
}

const LEVELS: Record<Report['preflight'][number]['level'], Tone> = { ok: 'good', warning: 'note', stop: 'bad' };

export function showFindings(title: string, findings: Report['preflight']): Markup {
  if (findings.length === 0) return section(title, none('This run checked nothing.'));
  const rows = findings.map(
    ({
      check,
      level,
      message,
      advice,
    }) => html`<tr><td class="level ${LEVELS[level]}">${level}</td><td><code>${check}</code></td>
<td>${message}${advice === null ? NOTHING : html`<span class="advice">${advice}</span>`}</td></tr>`,
  );
  return section(title, table(['Result', 'Check', 'Finding'], rows));
}

export function showSettings({ settings }: Report): Markup {
  const rows = Object.entries(settings).map(
    ([name, value]) =>
      html`<tr><td class="row-key"><code>${optionName(name)}</code></td><td>${String(value ?? UNKNOWN)}</td></tr>`,
  );
  return section('Settings', table(['Option', 'Value'], rows));
}

function amountRow(text: string, amount: string): Markup {
  return html`<tr><td>${text}</td><td class="number">${amount}</td></tr>`;
}
