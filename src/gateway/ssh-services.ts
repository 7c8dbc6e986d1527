/** What the API offers for SSH: the gateway's public keys, certificates that stand for tokens, and host keys of targets. */
import { apiErrors, type SshPort } from '../api/index.ts';
import type { Clock } from '../base/clock.ts';
import { isGatewayError } from '../base/errors.ts';
import { fingerprintOf } from '../base/fingerprint.ts';
import type { Log } from '../base/log.ts';
import type { Dialler } from '../core/ports.ts';
import { ownKeyId } from '../identity/index.ts';
import { signCertificate } from '../protocols/ssh/transport/certificate.ts';
import {
  privateKeyFromText,
  publicKeyFrom,
  publicKeyFromText,
  publicKeyToText,
} from '../protocols/ssh/transport/keys.ts';
import { scanHostKeys } from '../protocols/ssh/trust.ts';
import { authorityKey } from '../protocols/ssh/upstream.ts';
import * as limits from './limits.ts';
import type { Snapshot } from './snapshot.ts';
import type { SshKeys } from './ssh-keys.ts';

export interface SshServiceParts {
  readonly keys: SshKeys;
  readonly snapshot: Snapshot;
  readonly dialler: Dialler;
  readonly clock: Clock;
  readonly log: Log;
}

export function sshServices({ keys, snapshot, dialler, clock, log }: SshServiceParts): SshPort {
  const authority = authorityKey(keys.signOnAuthority);
  let serial = BigInt(clock.now()) << 20n;
  return {
    hostKeys: keys.hostKeys.map((text) => publicKeyToText(privateKeyFromText(text).publicKey)),
    userAuthority: `${publicKeyToText(publicKeyFrom(keys.userAuthority.key.blob))} sallyport`,
    sign: ({ principal, tokenId, publicKey, validUntilMs }) => {
      try {
        const key = publicKeyFromText(publicKey);
        const nowSeconds = Math.floor(clock.now() / 1000);
        const blob = signCertificate(
          {
            key,
            serial: serial++,
            keyId: ownKeyId(principal, tokenId),
            principals: [principal],
            validAfter: nowSeconds - limits.sshCertificateSkewSeconds,
            validBefore: Math.floor(validUntilMs / 1000),
            extensions: {
              'permit-agent-forwarding': '',
              'permit-port-forwarding': '',
              'permit-pty': '',
              'permit-user-rc': '',
              'permit-X11-forwarding': '',
            },
          },
          authority,
        );
        return `${key.type}-cert-v01@openssh.com ${blob.toString('base64')} ${principal}`;
      } catch (error) {
        if (!isGatewayError(error)) throw error;
        throw apiErrors('api.invalid', { cause: error, values: { reason: 'the public key cannot be certified' } });
      }
    },
    scan: async (name) => {
      const resource = await snapshot.resource(name);
      if (resource === null || resource.protocol !== 'ssh') return null;
      const dial = () => dialler.dial(resource, AbortSignal.timeout(limits.sshScanDeadlineMs));
      const found = await scanHostKeys(dial, clock, log).catch((cause: unknown) => {
        throw apiErrors('api.not-ready', { cause, values: { reason: `${name} does not answer` } });
      });
      const pins = (resource.settings['host_keys'] ?? []) as readonly string[];
      return {
        address: `${resource.host}:${resource.port}`,
        keys: found.map((key) => {
          const publicKey = publicKeyToText(key);
          const fingerprint = fingerprintOf(key.blob);
          const pinned = pins.some((pin) => pin.trim() === fingerprint || pin.startsWith(publicKey));
          return { publicKey, fingerprint, pinned };
        }),
      };
    },
  };
}
