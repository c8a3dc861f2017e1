import { formatTime } from '../../text/format.ts';
import type { Report } from '../schema.ts';
import type { Chart } from './charts.ts';
import { showFacts } from './facts.ts';
import { html, type Markup, trusted } from './markup.ts';
import {
  showCharts,
  showFaults,
  showFindings,
  showHeader,
  showOrders,
  showRows,
  showSettings,
  showSummary,
  showThrottles,
} from './sections.ts';
import { STYLES } from './styles.ts';

/**
 * The report as one page that needs nothing else: no network, no script, no other file. It reads well in light and
 * dark, and on paper.
 *
 * @param charts of `drawCharts`; null if they cannot be drawn
 */
export function renderHtml(report: Report, charts: readonly Chart[] | null): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${report.rotation}: report of a rotation</title>
<style>${trusted(STYLES)}</style>
</head>
<body>
${sectionsOf(report, charts)}
<footer>
Written by ${report.tool.name} ${report.tool.version}, ${formatTime(new Date(report.endedAt))}. All times are UTC.
This page holds no token, no password and no value of a row but keys.
</footer>
</body>
</html>
`.markup;
}

function sectionsOf(report: Report, charts: readonly Chart[] | null): Markup[] {
  return [
    showHeader(report),
    showSummary(report),
    showFacts(report),
    showRows('Rows that still have their leaked token', report.notRotated.count, report.notRotated.rows),
    showFindings('Checks before', report.preflight),
    showFindings('Verification afterwards', report.verification),
    showCharts(charts),
    showFaults(report),
    showThrottles(report),
    showOrders(report),
    showRows('Rows set aside for later', report.rowsSetAside, report.setAside),
    showSettings(report),
  ];
}
