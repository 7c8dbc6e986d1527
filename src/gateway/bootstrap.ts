/**
 * The first administrator: where the store holds no principal, one is made, with a random password in a file that only
 * this account can read (ADR 0015).
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newSecret } from '../base/ids.ts';
import { durable } from '../core/door.ts';
import type { Journal } from '../core/ports.ts';
import type { Identity } from '../identity/index.ts';
import type { Store } from '../store/index.ts';
import { localIssuer } from './principals.ts';
import type { Snapshot } from './snapshot.ts';

export const firstAdministrator = 'admin';

export interface BootstrapParts {
  readonly store: Store;
  readonly identity: Identity;
  readonly snapshot: Snapshot;
  readonly journal: Journal;
  readonly dataDirectory: string;
}

/** Returns the path of the password file where it was made now, else null. */
export async function createFirstAdministrator(parts: BootstrapParts): Promise<string | null> {
  const { store, identity, snapshot, journal, dataDirectory } = parts;
  if (snapshot.principalCount() > 0) return null;
  const path = join(dataDirectory, 'initial-admin-password');
  const password = newSecret(15);
  // What lies there of an earlier installation, or was laid there by others, is not written into.
  await rm(path, { force: true });
  await writeFile(path, `${password}\n`, { mode: 0o600, flag: 'wx' });
  const actor = {
    id: 'gateway',
    issuer: localIssuer,
    name: 'gateway',
    kind: 'service',
    groups: [],
    credentialId: null,
  } as const;
  await store.objects.change(
    {
      puts: [
        {
          kind: 'Principal',
          name: firstAdministrator,
          labels: {},
          spec: { kind: 'person', displayName: 'First administrator', roles: ['admin'], disabled: false },
          by: actor.name,
          expectedGeneration: 0,
        },
      ],
      deletes: [],
    },
    () =>
      durable(
        journal,
        journal.append({
          type: 'configuration.changed',
          principal: actor,
          action: 'created',
          kind: 'Principal',
          name: firstAdministrator,
          changes: ['first administrator'],
        }),
      ),
  );
  await snapshot.reload();
  await identity.setPassword(firstAdministrator, password);
  return path;
}
