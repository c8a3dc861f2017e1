import { createRequire } from 'node:module';
import packageJson from '../../../package.json' with { type: 'json' };
import type { Settings } from '../../config/settings.ts';
import type { Target } from '../../config/target.ts';
import type { RotationEvent } from '../../context.ts';
import type { Finding } from '../../finding.ts';
import { buildReport, type RunEnd } from '../report.ts';
import type { Report } from '../schema.ts';
import { startRecorder } from './recorder.ts';
import { checkReportPath, isHtml, writeReport } from './write-report.ts';

/** The report of one run, from its beginning to whatever end. */
export interface RunReport {
  event(event: RotationEvent): void;
  /** @throws ConfigurationError when the file cannot be written */
  write(end: RunEnd): Promise<void>;
}

/**
 * Starts to take notes, after making sure that the report can be written.
 *
 * @param database what may be shown of it
 * @param by who runs it
 * @throws ConfigurationError when nothing can be written there
 */
export async function startReport(
  path: string,
  database: string,
  by: Report['by'],
  target: Target,
  settings: Settings,
): Promise<RunReport> {
  await checkReportPath(path);
  const recorder = startRecorder();
  let preflight: readonly Finding[] = [];
  let verification: readonly Finding[] = [];
  return {
    event(event) {
      recorder.event(event);
      if (event.type === 'preflight') preflight = event.findings;
      if (event.type === 'verified') verification = event.findings;
    },
    write(end) {
      const facts = { version: packageJson.version, database, by, target, settings, end, preflight, verification };
      const report = buildReport({ ...recorder.stop(), ...facts });
      return writeReport(path, report, () => renderLazily(report));
    },
  };
}

/** Loads what only a page needs. The charts' library takes 62 MB and a second, so it is optional. */
async function renderLazily(report: Report): Promise<string> {
  const { renderHtml } = await import('./html.ts');
  if (!isInstalled(CHART_LIBRARY)) return renderHtml(report, null);
  const { drawCharts } = await import('./charts.ts');
  return renderHtml(report, drawCharts(report));
}

const CHART_LIBRARY = 'echarts';

/** @returns true if a report to this path will lack its charts, because their library is not installed */
export function lacksCharts(path: string): boolean {
  return isHtml(path) && !isInstalled(CHART_LIBRARY);
}

function isInstalled(library: string): boolean {
  try {
    createRequire(import.meta.url).resolve(library);
    return true;
  } catch {
    return false;
  }
}
