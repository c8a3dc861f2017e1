import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Random } from './random.ts';

/** Points at which a connection is cut, by weight. */
const CUTS = {
  'connection cut at a random byte': 4,
  'connection cut before COMMIT': 2,
  'connection cut in the middle of COMMIT': 2,
  'connection cut after COMMIT, its answer lost': 4,
  'connection gone silent': 1,
} as const;
type Cut = keyof typeof CUTS;

/** The most bytes, in both directions together, or COMMITs, that a connection lives to see. */
const MOST_BYTES = 50_000;
const MOST_COMMITS = 15;

/** Time for which a silent connection stays open, in milliseconds. */
const MOST_SILENT_MS = 8_000;

const COMMIT = 'COMMIT';

export interface Proxy {
  port: number;
  close(): Promise<void>;
}

/**
 * A door to the server through which no connection gets unharmed: each is cut at a moment drawn for it.
 *
 * @param peace once aborted, connections are left alone
 * @param onCut told what was done
 */
export async function startProxy(
  serverPort: number,
  random: Random,
  peace: AbortSignal,
  onCut: (cut: Cut) => void,
): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(serverPort, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {}); // the other side sees it as an end, too
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    const cutter = planCut(random, onCut);
    client.on('data', (chunk) => pass(cutter.fromClient(chunk, !peace.aborted), upstream, client));
    upstream.on('data', (chunk) => pass(cutter.fromServer(chunk, !peace.aborted), client, upstream));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    port: address.port,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The proxy's decision about a piece of the conversation. */
interface Passage {
  /** The part to pass on. */
  chunk: Buffer;
  /** The action afterward. */
  next: 'go on' | 'cut' | { silentMs: number };
}

function pass({ chunk, next }: Passage, to: Socket, from: Socket): void {
  const end = () => {
    from.resetAndDestroy();
    to.destroy();
  };
  if (next === 'go on') {
    to.write(chunk);
  } else if (next === 'cut') {
    if (chunk.length === 0) end();
    else to.write(chunk, end);
  } else {
    to.write(chunk);
    for (const socket of [from, to]) socket.pause();
    setTimeout(end, next.silentMs);
  }
}

/** Draws when and how one connection ends. */
function planCut(random: Random, onCut: (cut: Cut) => void) {
  const cut = random.pick(CUTS);
  const silentMs = random.between(100, MOST_SILENT_MS);
  let bytesLeft = random.between(1, MOST_BYTES);
  let commitsLeft = random.between(1, MOST_COMMITS);
  let isAnswerAwaited = false;

  const act = (chunk: Buffer, next: Passage['next']): Passage => {
    onCut(cut);
    return { chunk, next };
  };
  const atByte = (chunk: Buffer): Passage | undefined => {
    if (cut !== 'connection cut at a random byte' && cut !== 'connection gone silent') return undefined;
    const before = bytesLeft;
    bytesLeft -= chunk.length;
    if (before <= 0 || bytesLeft > 0) return undefined;
    return act(chunk.subarray(0, before), cut === 'connection gone silent' ? { silentMs } : 'cut');
  };
  const atCommit = (chunk: Buffer): Passage | undefined => {
    const position = chunk.indexOf(COMMIT);
    if (position < 0) return undefined;
    commitsLeft -= 1;
    if (commitsLeft !== 0) return undefined;
    if (cut === 'connection cut before COMMIT') return act(chunk.subarray(0, 0), 'cut');
    if (cut === 'connection cut in the middle of COMMIT')
      return act(chunk.subarray(0, position + COMMIT.length / 2), 'cut');
    isAnswerAwaited = cut === 'connection cut after COMMIT, its answer lost';
    return undefined;
  };
  return {
    fromClient(chunk: Buffer, isCutting: boolean): Passage {
      return (isCutting && (atByte(chunk) ?? atCommit(chunk))) || { chunk, next: 'go on' };
    },
    fromServer(chunk: Buffer, isCutting: boolean): Passage {
      if (isCutting && isAnswerAwaited) return act(chunk.subarray(0, 0), 'cut');
      return (isCutting && atByte(chunk)) || { chunk, next: 'go on' };
    },
  };
}
