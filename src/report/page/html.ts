import type { Report } from '../schema.ts';
import type { Chart } from './charts.ts';
import { showFacts } from './facts.ts';
import type { Markup } from './markup.ts';
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
import { renderPage } from './shell.ts';

/**
 * The report of a run as a page.
 *
 * @param charts of `drawCharts`; null if they cannot be drawn
 */
export function renderHtml(report: Report, charts: readonly Chart[] | null): string {
  const { rotation, tool, endedAt } = report;
  return renderPage(
    { title: `${rotation}: report of a rotation`, tool, writtenAt: endedAt },
    sectionsOf(report, charts),
  );
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
