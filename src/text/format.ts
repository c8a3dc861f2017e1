// Durations are formatted here because Node 20 has no Intl.DurationFormat, and Intl has no unit prefixes for bytes.

/** 1000000 → `1,000,000` */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en');
}

/** `1,000,000`, or `about 1,000,000` when it is the planner's estimate. */
export function formatTotal({ rowsTotal, totalIsEstimate }: { rowsTotal: number; totalIsEstimate: boolean }): string {
  return totalIsEstimate ? `about ${formatCount(rowsTotal)}` : formatCount(rowsTotal);
}

/** `0:07`, `12:30`, `1:02:03`; null, an unknown duration, is `--:--`. */
export function formatClock(ms: number | null): string {
  if (ms === null) return '--:--';
  const seconds = Math.round(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const tail = `${String(seconds % 60).padStart(2, '0')}`;
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${tail}` : `${minutes}:${tail}`;
}

/** `6.8 s`, `12 min 30 s`, `1 h 02 min` */
export function formatDuration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, '0')} min`;
}

/** Covers what 0.29 × 100 lacks to 29. */
const ROUNDING_ERROR = 1e-9;

/** 0.4567 → `45 %`: rounded down, so that 100 % is only shown when everything is done. */
export function formatPercent(fraction: number): string {
  return `${Math.floor(fraction * 100 + ROUNDING_ERROR)} %`;
}

/**
 * `2026-11-21 23:05:11 UTC`
 *
 * @param time a Date, or what makes one: ISO 8601, or milliseconds since 1970
 */
export function formatTime(time: Date | string | number): string {
  return `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `0.5 s`, `12 s`, `5 min`, `3 h`: a duration that need not be exact. */
export function formatSeconds(seconds: number): string {
  if (seconds >= 7_200) return `${brief(seconds / 3_600)} h`;
  return seconds >= 120 ? `${brief(seconds / 60)} min` : `${brief(seconds)} s`;
}

/** One decimal below ten, none above. */
function brief(number: number): string {
  return String(number < 9.95 ? Math.round(number * 10) / 10 : Math.round(number));
}

/** `640 bytes`, `1.5 kB`, `812 MB`, `3.2 GB`: powers of 1,000. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return `${brief(bytes / 1000 ** power)} ${units[power]}`;
}
