/**
 * Second factors of local accounts in this gateway: identity's core with the store, its sealing, and the journal for alarms.
 *
 * The relying party of passkeys is the console, whose address is known only when it listens: the core is made at the first
 * use. Where that address is none that browsers have passkeys for (an IP address, or no TLS elsewhere than on this machine),
 * passkeys are off, and those that were registered under another address are not asked for; nobody is signed on without
 * them because of that.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import type { FactorsPort } from '../api/index.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { durable } from '../core/door.ts';
import type { Journal } from '../core/ports.ts';
import { isProofFresh } from '../core/step-up.ts';
import {
  createFactors,
  type FactorAlarm,
  type Factors,
  identityErrors,
  provesFactor,
  type RelyingParty,
  Throttle,
} from '../identity/index.ts';
import type { Secrets } from '../secrets/index.ts';
import type { Store } from '../store/index.ts';
import { getOrCreate, ownPrefix } from './identity-keys.ts';
import type { Snapshot } from './snapshot.ts';

export interface FactorsOpening {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<Store, 'factors' | 'once'>;
  readonly snapshot: Pick<Snapshot, 'principal'>;
  readonly journal: Journal;
  readonly ownSecrets: Secrets;
  /** Empty until the console listens. */
  readonly consoleUrl: () => string;
}

const name = 'Sallyport';
/** No page has this origin, so that no passkey ever fits. */
const noRelyingParty: RelyingParty = { id: 'passkeys.invalid', name, origins: ['https://passkeys.invalid'] };

/** The console as passkeys know it; null where browsers have none for it (WebAuthn section 5.1.3, steps 7 and 8). */
export function relyingPartyOf(consoleUrl: string): RelyingParty | null {
  const url = URL.parse(consoleUrl);
  if (url === null || url.hostname.startsWith('[') || isIP(url.hostname) !== 0) return null;
  const isSecure = url.protocol === 'https:' || (url.protocol === 'http:' && url.hostname === 'localhost');
  return isSecure ? { id: url.hostname, name, origins: [url.origin] } : null;
}

export async function openFactors(parts: FactorsOpening): Promise<FactorsPort> {
  const { clock, log, store, snapshot, consoleUrl } = parts;
  const secret = await getOrCreate(parts.ownSecrets, `${ownPrefix}factor-secret`, () =>
    randomBytes(32).toString('hex'),
  );
  const derive = (what: string): Buffer =>
    Buffer.from(hkdfSync('sha256', Buffer.from(secret, 'hex'), '', `sallyport factors: ${what}`, 32));
  const sealing = sealer(derive('sealing'));
  const serverSecret = derive('names');
  const throttle = new Throttle(clock);
  let made: { readonly url: string; readonly factors: Factors; readonly hasPasskeys: boolean } | null = null;
  const core = (): NonNullable<typeof made> => {
    const url = consoleUrl();
    if (made?.url === url) return made;
    const party = relyingPartyOf(url);
    if (party === null && url !== '')
      log.warn('passkeys are off: the console has no name that browsers take for them', { console: url });
    const factors = createFactors({
      clock,
      records: store.factors,
      once: store.once,
      directory: { find: (owner) => snapshot.principal(owner) },
      throttle,
      relyingParty: party ?? noRelyingParty,
      ...sealing,
      serverSecret,
      alarm: (alarm) => raise(parts, alarm),
    });
    made = { url, factors, hasPasskeys: party !== null };
    return made;
  };
  return new GatewayFactors(core, clock);
}

class GatewayFactors implements FactorsPort {
  readonly #core: () => { readonly factors: Factors; readonly hasPasskeys: boolean };
  readonly #clock: Clock;

  constructor(core: () => { readonly factors: Factors; readonly hasPasskeys: boolean }, clock: Clock) {
    this.#core = core;
    this.#clock = clock;
  }

  hasPasskeys(): boolean {
    return this.#core().hasPasskeys;
  }
  hasFactor(owner: string): Promise<boolean> {
    return this.#core().factors.hasFactor(owner);
  }
  list(owner: string): ReturnType<FactorsPort['list']> {
    return this.#core().factors.list(owner);
  }
  async isProven(...[owner, proof]: Parameters<FactorsPort['isProven']>): Promise<boolean> {
    if (!isProofFresh(proof.provenAtMs, this.#clock.now())) return false;
    return provesFactor(proof.factors) || !(await this.hasFactor(owner));
  }

  beginPasskey(...args: Parameters<FactorsPort['beginPasskey']>): ReturnType<FactorsPort['beginPasskey']> {
    return this.#withPasskeys().beginPasskey(...args);
  }
  finishPasskey(...args: Parameters<FactorsPort['finishPasskey']>): ReturnType<FactorsPort['finishPasskey']> {
    return this.#withPasskeys().finishPasskey(...args);
  }
  beginTotp(...args: Parameters<FactorsPort['beginTotp']>): ReturnType<FactorsPort['beginTotp']> {
    return this.#core().factors.beginTotp(...args);
  }
  finishTotp(...args: Parameters<FactorsPort['finishTotp']>): ReturnType<FactorsPort['finishTotp']> {
    return this.#core().factors.finishTotp(...args);
  }
  newRecoveryCodes(...args: Parameters<FactorsPort['newRecoveryCodes']>): ReturnType<FactorsPort['newRecoveryCodes']> {
    return this.#core().factors.newRecoveryCodes(...args);
  }
  remove(...args: Parameters<FactorsPort['remove']>): Promise<boolean> {
    return this.#core().factors.remove(...args);
  }
  reset(...args: Parameters<FactorsPort['reset']>): ReturnType<FactorsPort['reset']> {
    return this.#core().factors.reset(...args);
  }

  async challengeFor(...args: Parameters<FactorsPort['challengeFor']>): ReturnType<FactorsPort['challengeFor']> {
    const step = await this.#core().factors.challengeFor(...args);
    return step.needed === 'none' ? step : { ...step, ...this.#offered(step) };
  }
  answer(...args: Parameters<FactorsPort['answer']>): ReturnType<FactorsPort['answer']> {
    return this.#core().factors.answer(...args);
  }
  passkeyOptions(...args: Parameters<FactorsPort['passkeyOptions']>): Promise<object> {
    return this.#withPasskeys().passkeyOptions(...args);
  }
  byPasskey(...args: Parameters<FactorsPort['byPasskey']>): ReturnType<FactorsPort['byPasskey']> {
    return this.#withPasskeys().byPasskey(...args);
  }
  async confirmation(...args: Parameters<FactorsPort['confirmation']>): ReturnType<FactorsPort['confirmation']> {
    return this.#offered(await this.#core().factors.confirmation(...args));
  }
  confirm(...args: Parameters<FactorsPort['confirm']>): ReturnType<FactorsPort['confirm']> {
    return this.#core().factors.confirm(...args);
  }

  #withPasskeys(): Factors {
    const { factors, hasPasskeys } = this.#core();
    if (!hasPasskeys) throw identityErrors('identity.no-passkeys-here');
    return factors;
  }

  /** Without what cannot be proven at this address. */
  #offered(choice: Awaited<ReturnType<FactorsPort['confirmation']>>): typeof choice {
    if (this.#core().hasPasskeys) return { factors: choice.factors, passkey: choice.passkey };
    return { factors: choice.factors.filter((kind) => kind !== 'passkey'), passkey: null };
  }
}

/** Told to whoever looks at alerts. What cannot be journaled refuses the proof that raised it. */
async function raise({ journal, snapshot }: FactorsOpening, alarm: FactorAlarm): Promise<void> {
  const entry = snapshot.principal(alarm.owner);
  const principal =
    entry === null
      ? null
      : {
          id: entry.id,
          issuer: entry.issuer,
          name: entry.name,
          kind: entry.kind,
          groups: entry.groups,
          credentialId: null,
        };
  const rule = `gateway:${alarm.type}`;
  const reason = reasonOf(alarm);
  const sequence = journal.append({
    type: 'alert.raised',
    rule,
    reason,
    session: null,
    command: null,
    principal,
    resource: null,
  });
  await durable(journal, sequence);
}

function reasonOf(alarm: FactorAlarm): string {
  const { owner, source } = alarm;
  switch (alarm.type) {
    case 'recovery-code-used':
      return `${owner} used a recovery code, from ${source}; ${alarm.left} are left.`;
    case 'passkey-counter-regressed':
      return `The passkey ${JSON.stringify(alarm.label)} of ${owner} counts backwards, from ${source}: there may be two of it. It was refused.`;
    case 'answers-exhausted':
      return `Somebody has the password of ${owner} and no second factor, from ${source}: all answers were wrong.`;
    case 'codes-exhausted':
      return `Too many wrong codes for ${owner} within the hour, the last from ${source}; codes are refused until it is over.`;
  }
}

/** AES-256-GCM: nonce (12), what is sealed, tag (16). The name is authenticated with it. */
function sealer(key: Buffer) {
  return {
    seal: async (to: string, plain: Buffer): Promise<string> => {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(to));
      const sealed = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
      return sealed.toString('base64url');
    },
    open: async (to: string, sealed: string): Promise<Buffer> => {
      const bytes = Buffer.from(sealed, 'base64url');
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 });
      decipher.setAAD(Buffer.from(to)).setAuthTag(bytes.subarray(-16));
      return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
    },
  };
}
