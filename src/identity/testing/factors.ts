/** In-memory stand-ins for what is kept of second factors, with the contract that `records.ts` states, and a set of them. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { FakeClock } from '../../base/clock.ts';
import { createFactors } from '../factors/factors.ts';
import type { Caller, FactorAlarm, RelyingParty } from '../factors/parts.ts';
import type { FactorRecord, FactorRecords, OnceRecords } from '../records.ts';
import { Throttle } from '../throttle.ts';
import { MemoryDirectory } from './memory.ts';

export class MemoryOnce implements OnceRecords {
  readonly rows = new Map<string, { readonly value: string; readonly expiresAtMs: number }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async put(key: string, value: string, expiresAtMs: number): Promise<boolean> {
    const there = this.rows.get(key);
    if (there !== undefined && there.expiresAtMs > this.#now()) return false;
    this.rows.set(key, { value, expiresAtMs });
    return true;
  }
  async take(key: string, nowMs: number): Promise<string | null> {
    const there = this.rows.get(key);
    this.rows.delete(key);
    return there !== undefined && there.expiresAtMs > nowMs ? there.value : null;
  }
}

export class MemoryFactors implements FactorRecords {
  readonly rows = new Map<string, FactorRecord>();
  failure: Error | null = null;
  /** Awaited after each reading: lets a test act in between. */
  afterRead: (() => Promise<void>) | null = null;

  async get(id: string): Promise<FactorRecord | null> {
    const found = this.rows.get(id) ?? null;
    await this.#read();
    return found;
  }
  async listByOwner(owner: string): Promise<readonly FactorRecord[]> {
    const found = [...this.rows.values()].filter((row) => row.owner === owner);
    await this.#read();
    return found;
  }
  async create(factor: FactorRecord): Promise<boolean> {
    if (this.rows.has(factor.id)) return false;
    this.rows.set(factor.id, factor);
    return true;
  }
  async use(id: string, expected: number, counter: number, data: string, atMs: number): Promise<boolean> {
    const row = this.rows.get(id);
    if (row === undefined || row.counter !== expected) return false;
    this.rows.set(id, { ...row, counter, data, lastUsedAtMs: atMs });
    return true;
  }
  async delete(owner: string, id: string): Promise<boolean> {
    return this.rows.get(id)?.owner === owner && this.rows.delete(id);
  }
  async #read(): Promise<void> {
    if (this.failure !== null) throw this.failure;
    const act = this.afterRead;
    this.afterRead = null;
    await act?.();
  }
}

export const ownRelyingParty: RelyingParty = {
  id: 'gateway.example',
  name: 'Sallyport',
  origins: ['https://gateway.example', 'https://console.gateway.example:8443'],
};

/** Second factors over these stand-ins, with `anna` and `ben` as local people. Two made of the same parts are two gateways. */
export function makeFactors(relyingParty = ownRelyingParty, clock = new FakeClock(Date.UTC(2026, 0, 1, 0, 0, 10))) {
  const records = new MemoryFactors();
  const once = new MemoryOnce(() => clock.now());
  const directory = new MemoryDirectory();
  for (const name of ['anna', 'ben']) directory.put(name);
  const alarms: FactorAlarm[] = [];
  const sealingKey = randomBytes(32);
  const make = () =>
    createFactors({
      clock,
      records,
      once,
      directory,
      throttle: new Throttle(clock),
      relyingParty,
      serverSecret: Buffer.alloc(32, 7),
      seal: async (name, plain) => {
        const nonce = randomBytes(12);
        const cipher = createCipheriv('aes-256-gcm', sealingKey, nonce).setAAD(Buffer.from(name));
        const sealed = Buffer.concat([nonce, cipher.update(plain), cipher.final()]);
        return Buffer.concat([sealed, cipher.getAuthTag()]).toString('base64');
      },
      open: async (name, sealed) => {
        const bytes = Buffer.from(sealed, 'base64');
        const decipher = createDecipheriv('aes-256-gcm', sealingKey, bytes.subarray(0, 12)).setAAD(Buffer.from(name));
        decipher.setAuthTag(bytes.subarray(-16));
        return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
      },
      alarm: async (alarm) => void alarms.push(alarm),
    });
  return { clock, records, once, directory, alarms, factors: make(), another: make };
}

export const browser: Caller = { source: '10.0.0.1', browser: 'secret of this browser' };
