/**
 * Second factors: what people see, add, renew and remove of their own, and the reset of somebody else's.
 *
 * Invariant: what counts is recorded. A factor that could not be recorded is taken back, and one is removed only after that is
 * durable in the journal; what may be changed at all is identity's to judge.
 */
import qrcode from 'qrcode-generator';
import { actorOf, type EventBody } from '../../core/event.ts';
import type { Principal } from '../../core/principal.ts';
import type { ApiParts, Handlers } from '../context.ts';
import { apiErrors } from '../errors.ts';
import type { EnrolledFactor, FactorRecord } from '../factor-ports.ts';
import { callerOf, iso, SigningOn } from '../signing-on.ts';

type FactorRoute =
  | 'listFactors'
  | 'confirmation'
  | 'beginTotp'
  | 'finishTotp'
  | 'beginPasskey'
  | 'finishPasskey'
  | 'newRecoveryCodes'
  | 'removeFactor'
  | 'resetFactors';

export function factorHandlers(parts: ApiParts): Pick<Handlers, FactorRoute> {
  const { ports, record } = parts;
  const { factors } = ports;
  const signingOn = new SigningOn(parts);
  return {
    async listFactors({ principal }) {
      const own = await factors.list(principal.name);
      return { factors: own.map(viewOf), mayHave: mayHave(principal), passkeys: factors.hasPasskeys() };
    },

    async confirmation(context) {
      const { principal, input } = context;
      const isAfterPassword = input.body.withPassword === true;
      const choice = await factors.confirmation(principal.name, callerOf(context), isAfterPassword);
      return {
        factors: [...choice.factors],
        passkey: choice.passkey as Record<string, unknown> | null,
        password: principal.issuer === 'local',
      };
    },

    async beginTotp(context) {
      const { principal, input } = context;
      const proof = await signingOn.proofOf(principal, input.body.proof, context);
      const begun = await factors.beginTotp(principal.name, input.body.label, proof, callerOf(context));
      const { id, uri, secret, expiresAtMs } = begun;
      return { id, uri, secret, qr: qrOf(uri), expiresAt: iso(expiresAtMs) };
    },

    async finishTotp(context) {
      const { principal, input } = context;
      own(principal);
      const { id, code } = input.body;
      return enrolled(principal, await factors.finishTotp(principal.name, id, code, callerOf(context)));
    },

    async beginPasskey(context) {
      const { principal, input } = context;
      const proof = await signingOn.proofOf(principal, input.body.proof, context);
      const begun = await factors.beginPasskey(principal.name, input.body.label, proof, callerOf(context));
      return { options: begun.options as Record<string, unknown>, expiresAt: iso(begun.expiresAtMs) };
    },

    async finishPasskey(context) {
      const { principal, input } = context;
      own(principal);
      const made = await factors.finishPasskey(principal.name, input.body.response, callerOf(context));
      return enrolled(principal, made);
    },

    async newRecoveryCodes(context) {
      const { principal, input } = context;
      const proof = await signingOn.proofOf(principal, input.body.proof, context);
      const codes = await factors.newRecoveryCodes(principal.name, proof);
      // Codes that were not recorded are told to nobody.
      await record(recoveryEvent(principal));
      return { recoveryCodes: [...codes] };
    },

    async removeFactor(context) {
      const { principal, input } = context;
      const proof = await signingOn.proofOf(principal, input.body.proof, context);
      const { id } = input.params;
      const found = (await factors.list(principal.name)).find((one) => one.id === id);
      if (found === undefined) throw apiErrors('api.not-found', { values: { what: 'second factor' } });
      await mustBeProven(principal, proof);
      await record(changed(principal, principal.name, 'removed', found));
      await factors.remove(principal.name, id, proof);
      return undefined;
    },

    async resetFactors(context) {
      const { principal, input } = context;
      const { name } = input.params;
      if (name === principal.name) throw apiErrors('api.own-factors');
      const proof = await signingOn.proofOf(principal, input.body.proof, context);
      await mustBeProven(principal, proof);
      const found = await factors.list(name);
      if (found.length === 0) throw apiErrors('api.not-found', { values: { what: 'principal with second factors' } });
      await record(...found.map((one) => changed(principal, name, 'reset', one)));
      const removed = await factors.reset(name, principal.name);
      return { removed: removed.map(({ kind, label }) => ({ kind, label })) };
    },
  };

  async function mustBeProven(principal: Principal, proof: Parameters<typeof factors.isProven>[1]): Promise<void> {
    if (!(await factors.isProven(principal.name, proof))) throw apiErrors('api.prove-again');
  }

  async function enrolled(principal: Principal, { factor, proof }: EnrolledFactor) {
    try {
      await record(changed(principal, principal.name, 'enrolled', factor));
    } catch (error) {
      await factors.remove(principal.name, factor.id, proof);
      throw error;
    }
    const isFirst = (await factors.list(principal.name)).every(({ kind }) => kind !== 'recovery');
    if (!isFirst) return { factor: viewOf(factor), recoveryCodes: null };
    const codes = await factors.newRecoveryCodes(principal.name, proof);
    await record(recoveryEvent(principal));
    return { factor: viewOf(factor), recoveryCodes: [...codes] };
  }
}

/** Who issued a token for another does not finish what they began, either. */
function own({ authentication }: Principal): void {
  if (authentication.issuedBy !== undefined) throw apiErrors('api.forbidden');
}

function mayHave({ issuer, kind }: Principal): boolean {
  return issuer === 'local' && kind === 'person';
}

function changed(
  by: Principal,
  owner: string,
  action: 'enrolled' | 'removed' | 'reset',
  { id, kind, label }: FactorRecord,
): EventBody {
  return { type: 'factor.changed', principal: actorOf(by), owner, action, kind, factor: id, label };
}

function recoveryEvent(by: Principal): EventBody {
  const { name: owner } = by;
  const more = { action: 'recovery-codes', kind: 'recovery', factor: null, label: 'recovery codes' } as const;
  return { type: 'factor.changed', principal: actorOf(by), owner, ...more };
}

function viewOf({ id, kind, label, createdAtMs, lastUsedAtMs, passkey, codesLeft }: FactorRecord) {
  return {
    id,
    kind,
    label,
    createdAt: iso(createdAtMs),
    lastUsedAt: lastUsedAtMs === null ? null : iso(lastUsedAtMs),
    ...(passkey === undefined ? {} : { passkey: { ...passkey } }),
    ...(codesLeft === undefined ? {} : { codesLeft }),
  };
}

/** Row by row, 1 for dark, without the quiet zone: pages and terminals draw it themselves (ISO/IEC 18004, level M). */
function qrOf(text: string): string[] {
  const code = qrcode(0, 'M');
  code.addData(text);
  code.make();
  const sides = Array.from({ length: code.getModuleCount() }, (_, index) => index);
  return sides.map((row) => sides.map((column) => (code.isDark(row, column) ? '1' : '0')).join(''));
}
