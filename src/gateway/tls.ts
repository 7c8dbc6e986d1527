/** What the gateway presents: its own authority, certificates in files, and those by ACME, opened as each can be. */
import { join } from 'node:path';
import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Secrets } from '../secrets/index.ts';
import type { Store } from '../store/index.ts';
import { type Acme, openAcme, reportPathIn } from './acme.ts';
import type { Standing } from './acme-report.ts';
import { type Authority, openAuthority } from './authority.ts';
import { inBackground } from './background.ts';
import { type GivenCertificates, openCertificates } from './certificates.ts';
import type { GatewayConfig } from './config.ts';
import * as limits from './limits.ts';

export interface Tls {
  readonly authority: Authority;
  /** Asked again once the store is open: certificates by ACME lie there. `origins`: names of resources that have one. */
  openAcme(parts: {
    readonly gateway: string;
    readonly store: Store;
    readonly secrets: Secrets;
    readonly origins: () => readonly string[];
  }): Promise<void>;
  closeAcme(): Promise<void>;
  /** Renews what is due until the timers are cancelled; `onOwn`: the gateway's own certificate may be another. */
  begin(onOwn: () => Promise<void>): readonly Timer[];
  /** How certificates by ACME stand. */
  standings(): readonly Standing[];
  close(): Promise<void>;
}

/** Rejects with `gateway.configuration` where a certificate that was given cannot be used. */
export async function openTls(config: GatewayConfig, clock: Clock, log: Log): Promise<Tls> {
  const certificates: GivenCertificates = await openCertificates(config.certificates ?? [], clock, log);
  let acme: Acme | null = null;
  const { dataDirectory, names, acme: settings = null } = config;
  const authority = await openAuthority(
    join(dataDirectory, 'tls'),
    join(dataDirectory, 'ca.pem'),
    names,
    clock,
    certificates,
  ).catch((error: unknown) => {
    certificates.close();
    throw error;
  });
  return {
    authority,
    openAcme: async (parts) => {
      if (settings === null) return;
      const reportPath = reportPathIn(dataDirectory);
      acme = await openAcme({ ...parts, config: settings, clock, log, certificates, reportPath });
    },
    closeAcme: async () => acme?.close(),
    begin: (onOwn) => {
      const renew = (): void =>
        inBackground(
          log,
          'the certificate could not be renewed; the old one stays',
          authority.renew().then(() => onOwn()),
        );
      const own = clock.every(limits.renewalIntervalMs, renew);
      return acme === null ? [own] : [own, acme.begin()];
    },
    standings: () => acme?.standings() ?? [],
    close: async () => certificates.close(),
  };
}
