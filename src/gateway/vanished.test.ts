/** The watch for vanished peers, on lines as the kernel writes them (F-09). */
import { expect, test } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import * as limits from './limits.ts';
import { VanishedPeers, type WatchedPeer } from './vanished.ts';

const header =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                  ';

interface Row {
  local: string;
  remote: string;
  timer?: '00' | '01' | '02' | '04';
  retransmitted?: number;
  probed?: number;
}

function lineOf({ local, remote, timer = '01', retransmitted = 0, probed = 0 }: Row): string {
  const again = retransmitted.toString(16).toUpperCase().padStart(8, '0');
  return `   7: ${local} ${remote} 01 00012C40:00000000 ${timer}:000004F7 ${again}     0 ${String(probed).padStart(8)} 91234 3 0000000000000000 20 4 30 10 -1`;
}

class Peer implements WatchedPeer {
  closed = false;
  error: Error | null = null;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;

  constructor(localPort: number, remoteAddress: string, remotePort: number) {
    this.localPort = localPort;
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
  }

  destroy(error: Error): void {
    this.closed = true;
    this.error = error;
  }
}

function setUp(): { rows: Row[]; peers: VanishedPeers; after(milliseconds: number): Promise<void> } {
  const clock = new FakeClock();
  const rows: Row[] = [];
  const tables = async function* (): AsyncGenerator<string> {
    yield header;
    for (const row of rows) yield lineOf(row);
  };
  const peers = new VanishedPeers({ clock, log: silentLog, tables });
  return {
    rows,
    peers,
    async after(milliseconds) {
      for (let passed = 0; passed < milliseconds; passed += limits.vanishedLookMs) {
        clock.advance(Math.min(limits.vanishedLookMs, milliseconds - passed));
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

// 127.0.0.1:40000 at port 5432 of ours.
const row: Row = { local: '0100007F:1538', remote: '0100007F:9C40' };
const whole = limits.vanishedAfterMs + limits.vanishedLookMs;

test('F-09 a peer that acknowledges nothing is dropped after the limit, and not before', async () => {
  const { rows, peers, after } = setUp();
  const peer = new Peer(5432, '127.0.0.1', 40_000);
  peers.watch(peer);
  rows.push({ ...row, retransmitted: 2 });
  await after(limits.vanishedAfterMs);
  expect(peer.closed).toBe(false);
  rows[0]!.retransmitted = 7;
  await after(limits.vanishedLookMs);
  expect(peer.error?.message).toBe('the peer vanished');
  await after(limits.vanishedLookMs);
  expect(peers.size).toBe(0);
});

test('F-09 so is one whose buffer was full, and one over IPv6', async () => {
  const { rows, peers, after } = setUp();
  const full = new Peer(5432, '127.0.0.1', 40_000);
  const six = new Peer(5432, '2001:db8::1:2', 40_001);
  const mapped = new Peer(5432, '::ffff:10.1.2.3', 40_002);
  for (const peer of [full, six, mapped]) peers.watch(peer);
  rows.push({ ...row, timer: '04', probed: 5 });
  rows.push({
    local: '00000000000000000000000000000000:1538',
    remote: 'B80D0120000000000000000002000100:9C41',
    retransmitted: 6,
  });
  rows.push({
    local: '00000000000000000000000000000000:1538',
    remote: '0000000000000000FFFF00000302010A:9C42',
    retransmitted: 6,
  });
  await after(whole);
  expect([full, six, mapped].map(({ closed }) => closed)).toEqual([true, true, true]);
});

test('F-07 a slow client that answers every probe is none of them', async () => {
  const { rows, peers, after } = setUp();
  const slow = new Peer(5432, '127.0.0.1', 40_000);
  peers.watch(slow);
  rows.push({ ...row, timer: '04', probed: 0 });
  await after(10 * whole);
  rows[0]!.probed = limits.vanishedUnansweredMin - 1;
  await after(10 * whole);
  expect(slow.closed).toBe(false);
});

test('an answer in between begins the time anew', async () => {
  const { rows, peers, after } = setUp();
  const lossy = new Peer(5432, '127.0.0.1', 40_000);
  peers.watch(lossy);
  rows.push({ ...row, retransmitted: 5 });
  await after(limits.vanishedAfterMs);
  rows[0]!.retransmitted = 3;
  await after(limits.vanishedAfterMs);
  expect(lossy.closed).toBe(false);
  rows.length = 0;
  await after(limits.vanishedLookMs);
  rows.push({ ...row, retransmitted: 5 });
  await after(limits.vanishedAfterMs);
  expect(lossy.closed).toBe(false);
  await after(limits.vanishedLookMs);
  expect(lossy.closed).toBe(true);
});

test('connections of others are left alone: another port, another address, not watched', async () => {
  const { rows, peers, after } = setUp();
  const bystanders = [
    new Peer(5432, '127.0.0.1', 40_001),
    new Peer(5433, '127.0.0.1', 40_000),
    new Peer(5432, '127.0.0.2', 40_000),
  ];
  for (const peer of bystanders) peers.watch(peer);
  rows.push({ ...row, retransmitted: 9 });
  await after(2 * whole);
  expect(bystanders.some(({ closed }) => closed)).toBe(false);
});

test('F-09 what keepalive counted goes on counting when data follows', async () => {
  const { rows, peers, after } = setUp();
  const peer = new Peer(5432, '127.0.0.1', 40_000);
  peers.watch(peer);
  rows.push({ ...row, timer: '02', probed: 8 });
  await after(limits.vanishedAfterMs);
  Object.assign(rows[0]!, { timer: '01', retransmitted: 0 });
  await after(limits.vanishedLookMs);
  expect(peer.closed).toBe(true);
});
