import type { PrintedEvent } from 'rotate-tokens';

/** The events that everybody should know of. */
const TOLD = ['started', 'order', 'complete', 'interrupted', 'failed'];

/**
 * Posts events to the incident channel: an incoming webhook of Slack, or anything else that takes such JSON.
 * INCIDENT_WEBHOOK_URL names it; without it, nothing is sent.
 */
export async function notify({ event, rotation, message }: PrintedEvent): Promise<void> {
  const url = process.env.INCIDENT_WEBHOOK_URL;
  if (url === undefined || !TOLD.includes(event)) return;
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: `rotation ${rotation}: ${event}${message === undefined ? '' : `: ${message}`}` }),
    signal: AbortSignal.timeout(5_000),
  });
  if (!response.ok) throw new Error(`the incident channel answered ${response.status}`);
}
