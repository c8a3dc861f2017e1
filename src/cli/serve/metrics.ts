import { Gauge, Registry } from 'prom-client';
import type { RotationStatus } from '../../checkpoint/status.ts';

/** The type of what `metricsOf` returns. */
export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/** A gauge for each fact of a rotation. */
const FACTS: Record<string, { help: string; value: (status: RotationStatus) => number }> = {
  rows_done: { help: 'Rows that have new tokens', value: ({ rowsDone }) => rowsDone },
  rows_total: { help: 'Rows in scope, counted or estimated at the start', value: ({ rowsTotal }) => rowsTotal },
  rows_set_aside: { help: 'Rows that are locked or refused', value: ({ rowsSetAside }) => rowsSetAside },
  rows_per_second: {
    help: 'Rows that all processes together write in a second',
    value: ({ processes }) => processes.reduce((sum, { rowsPerSecond }) => sum + rowsPerSecond, 0),
  },
  processes: { help: 'Processes that work on it', value: ({ processes }) => processes.length },
  paused: { help: '1 while it is paused', value: ({ pausedUntil }) => Number(pausedUntil !== null) },
  held_back_processes: {
    help: 'Processes that a throttle or a pause holds back',
    value: ({ processes }) => processes.filter(({ heldBackBy }) => heldBackBy !== null).length,
  },
  complete: { help: '1 when every partition is complete', value: ({ state }) => Number(state === 'complete') },
  verified: { help: '1 when verification has passed', value: ({ verifiedAt }) => Number(verifiedAt !== null) },
  started_timestamp_seconds: { help: 'When it began', value: ({ startedAt }) => Number(startedAt) / 1000 },
};

/** The status of rotations as Prometheus reads it. */
export function metricsOf(statuses: readonly RotationStatus[]): Promise<string> {
  const registry = new Registry();
  for (const [name, { help, value }] of Object.entries(FACTS)) {
    const gauge = new Gauge({ name: `rotate_tokens_${name}`, help, labelNames: ['rotation'], registers: [registry] });
    for (const status of statuses) gauge.set({ rotation: status.rotation }, value(status));
  }
  return registry.metrics();
}
