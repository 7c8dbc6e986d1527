/** A step-up from its request to the confirmation, and what a token says of when its owner proved themself. */
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { stepUpProofMaxMs } from '../core/limits.ts';
import type { Principal } from '../core/principal.ts';
import { createIdentity } from './identity.ts';
import * as limits from './limits.ts';
import { MemoryDirectory, MemoryPasswords, MemoryTokens } from './testing/memory.ts';
import { signOnSource } from './tokens.ts';

const source = '10.0.0.1';

function make(withFactor: readonly string[] = []) {
  const clock = new FakeClock();
  const directory = new MemoryDirectory();
  directory.put('anna');
  const identity = createIdentity({
    clock,
    log: silentLog,
    tokens: new MemoryTokens(),
    passwords: new MemoryPasswords(),
    directory,
    serverSecret: Buffer.alloc(32, 3),
    factors: { hasFactor: async (name) => withFactor.includes(name) },
    approvalLink: (id) => `https://gateway/approve.html#${id}`,
  });
  const issue = async (by = 'anna', how: string = signOnSource): Promise<{ secret: string; principal: Principal }> => {
    const { secret } = await identity.issueToken({ owner: 'anna', label: '', createdBy: by, source: how });
    return { secret, principal: await identity.bySecret('anna', secret, source) };
  };
  const waiting = (): string => identity.approvalsOf('anna')[0]!.id;
  const refuse = (): boolean => identity.decideApproval(waiting(), 'anna', null);
  return { clock, directory, identity, issue, waiting, refuse };
}

const refused = { code: 'core.step-up-refused' };
const at = (provenAtMs: number, credentialId = 'tok_9') => ({ credentialId, provenAtMs, proof: 'sign-on' }) as const;

describe('when somebody last proved themself', () => {
  test('a token of a sign-on by password says so, one that was asked for with a token or by another does not', async () => {
    const { clock, issue, identity } = make();
    const issuedAtMs = clock.now();
    const { secret, principal } = await issue();
    expect(principal.authentication.provenAtMs).toBe(issuedAtMs);
    clock.advance(3_600_000);
    // Using it proves nothing anew.
    expect((await identity.bySecret('anna', secret, source)).authentication.provenAtMs).toBe(issuedAtMs);
    expect((await issue('anna', 'api')).principal.authentication).not.toHaveProperty('provenAtMs');
    expect((await issue('root')).principal.authentication).not.toHaveProperty('provenAtMs');
  });

  test('a sign-on by approval says when whoever approved had', async () => {
    const { clock, identity, waiting } = make();
    const provenAtMs = clock.now() - 3_600_000;
    const { outcome } = await identity.byApproval('anna', source);
    expect(identity.decideApproval(waiting(), 'anna', at(provenAtMs))).toBe(true);
    expect((await outcome).authentication).toMatchObject({ method: 'approval', credentialId: 'tok_9', provenAtMs });
  });
});

describe('where a principal has a second factor', () => {
  const methods = ['hwk', 'user', 'mfa'];

  test('a step-up takes it, with the approval or at a fresh sign-on, and not the password alone', async () => {
    const { clock, identity, issue, waiting } = make(['anna']);
    const { principal } = await issue();
    const first = await identity.confirm(principal, 'web-1', source);
    const password = { ...at(clock.now()), proof: 'password' } as const;
    expect(identity.isApprovalEnough(waiting(), 'anna', password)).toBe(false);
    expect(identity.decideApproval(waiting(), 'anna', { ...password, factors: ['pwd'] })).toBe(false);
    expect(identity.decideApproval(waiting(), 'anna', at(clock.now()))).toBe(false);
    const factor = { ...password, proof: 'factor', factors: methods } as const;
    expect(identity.decideApproval(waiting(), 'anna', factor)).toBe(true);
    expect(await first.outcome).toMatchObject({ proof: 'factor', credentialId: 'tok_9' });

    const second = await identity.confirm(principal, 'web-1', source);
    const signedOn = { ...at(clock.now()), factors: ['pwd', 'otp', 'mfa'] };
    const own = { ...signedOn, credentialId: principal.authentication.credentialId };
    expect(identity.decideApproval(waiting(), 'anna', own)).toBe(false);
    expect(identity.decideApproval(waiting(), 'anna', signedOn)).toBe(true);
    expect(await second.outcome).toMatchObject({ proof: 'sign-on' });
  });

  test('a sign-on that is approved without it is none in person, and so no step-up', async () => {
    const { clock, identity, waiting } = make(['anna']);
    const approve = async (by: object) => {
      const { outcome } = await identity.byApproval('anna', source);
      expect(identity.decideApproval(waiting(), 'anna', { ...at(clock.now()), ...by })).toBe(true);
      return (await outcome).authentication;
    };
    expect(await approve({})).not.toHaveProperty('provenAtMs');
    expect(await approve({ proof: 'password', factors: ['pwd'] })).not.toHaveProperty('provenAtMs');
    expect(await approve({ factors: methods })).toMatchObject({ provenAtMs: clock.now() });
  });

  test('a store that cannot say fails the request', async () => {
    const directory = new MemoryDirectory();
    directory.put('anna');
    const identity = createIdentity({
      clock: new FakeClock(),
      log: silentLog,
      tokens: new MemoryTokens(),
      passwords: new MemoryPasswords(),
      directory,
      serverSecret: Buffer.alloc(32, 3),
      factors: { hasFactor: () => Promise.reject(new Error('down')) },
    });
    await expect(identity.byApproval('anna', source)).rejects.toThrow('down');
    expect(identity.approvalsOf('anna')).toEqual([]);
  });
});

describe('a step-up', () => {
  test('is confirmed with another credential than was shown, and says with which', async () => {
    const { clock, identity, issue, waiting } = make();
    const { principal } = await issue();
    const { link, code, expiresAtMs, outcome } = await identity.confirm(principal, 'web-1', source);
    expect(link).toBe(`https://gateway/approve.html#${waiting()}`);
    expect(identity.approvalsOf('anna')).toMatchObject([{ code, resource: 'web-1', source }]);
    expect(expiresAtMs).toBe(clock.now() + limits.approvalLifetimeMs);
    const own = at(clock.now(), principal.authentication.credentialId!);
    expect(identity.isApprovalEnough(waiting(), 'anna', own)).toBe(false);
    expect(identity.isApprovalEnough(waiting(), 'anna', at(clock.now() - stepUpProofMaxMs - 1))).toBe(false);
    expect(identity.isApprovalEnough(waiting(), 'anna', at(clock.now()))).toBe(true);
    expect(identity.decideApproval(waiting(), 'anna', { ...own, proof: 'password' })).toBe(true);
    expect(await outcome).toEqual({
      method: 'approval',
      credentialId: principal.authentication.credentialId,
      proof: 'password',
      atMs: clock.now(),
    });
  });

  test('is refused by the person, by time, by whoever withdraws it, and where the principal was disabled meanwhile', async () => {
    const { clock, directory, identity, issue, refuse, waiting } = make();
    const { principal } = await issue();
    const ask = () => identity.confirm(principal, 'web-1', source);
    const first = await ask();
    refuse();
    await expect(first.outcome).rejects.toMatchObject(refused);
    const second = await ask();
    clock.advance(limits.approvalLifetimeMs);
    await expect(second.outcome).rejects.toMatchObject(refused);
    const third = await ask();
    third.withdraw();
    await expect(third.outcome).rejects.toMatchObject(refused);
    const fourth = await ask();
    directory.put('anna', { disabled: true });
    identity.decideApproval(waiting(), 'anna', at(clock.now()));
    await expect(fourth.outcome).rejects.toMatchObject(refused);
  });

  test('A-ID-10: who is refused often must wait, whatever is proven in between; a sign-on need not', async () => {
    const { identity, issue, refuse } = make();
    const { secret, principal } = await issue();
    for (let n = 0; n <= limits.freeFailures; n++) {
      const { outcome } = await identity.confirm(await identity.bySecret('anna', secret, source), 'web-1', source);
      refuse();
      await expect(outcome).rejects.toMatchObject(refused);
    }
    await expect(identity.confirm(principal, 'web-1', source)).rejects.toMatchObject({ code: 'core.throttled' });
    await identity.bySecret('anna', secret, source);
    await expect(identity.confirm(principal, 'web-1', source)).rejects.toMatchObject({ code: 'core.throttled' });
    // From elsewhere the person is asked all the same.
    await identity.confirm(principal, 'web-1', '10.0.0.2');
  });

  test('few wait at a time, together with sign-ons', async () => {
    const { identity, issue } = make();
    const { principal } = await issue();
    for (let n = 0; n < limits.approvalsPerPrincipalMax; n++) {
      if (n % 2 === 0) await identity.confirm(principal, 'web-1', `10.0.1.${n}`);
      else await identity.byApproval('anna', `10.0.1.${n}`);
    }
    const more = identity.confirm(principal, 'web-1', '10.0.2.1');
    await expect(more).rejects.toMatchObject({ code: 'identity.approvals-waiting' });
  });
});
