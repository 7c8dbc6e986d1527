/** A gateway and Keycloak, really running, as README.md says: one of both for everything. */
import { afterAll, beforeAll, describe } from 'vitest';
import { missing } from './distribution.ts';
import { oidcSuite } from './oidc-suite.ts';
import { samlSuite } from './saml-suite.ts';
import { openSite, type Site } from './site.ts';

const reason = missing();

describe.skipIf(reason !== null)(`Keycloak${reason === null ? '' : ` (${reason})`}`, { timeout: 200_000 }, () => {
  let site: Site;

  beforeAll(async () => {
    site = await openSite();
  }, 400_000);

  afterAll(async () => {
    await site?.close();
  }, 60_000);

  oidcSuite(() => site);
  samlSuite(() => site);
});
