/**
 * The walls, as tables: which room may import which, which packages and which of Node's modules each may use, how long a
 * file may be, and which licences may be shipped. A change here is a change of the architecture: see ARCHITECTURE.md.
 */

/** `own` is always allowed; `*` is everything. A room not listed here is a problem of its own. */
export const roomImports: Readonly<Record<string, readonly string[]>> = {
  base: [],
  core: ['base'],
  language: ['base', 'core'],
  policy: ['base', 'core'],
  review: ['base', 'core'],
  masking: ['base', 'core'],
  recording: ['base', 'core'],
  audit: ['base', 'core'],
  detection: ['base', 'core'],
  identity: ['base', 'core'],
  secrets: ['base', 'core'],
  store: ['base', 'core'],
  tunnel: ['base', 'core'],
  // The registry names every protocol; the folders below it are rooms of their own.
  protocols: ['base', 'core', 'protocols/*'],
  'protocols/contract': ['base', 'core'],
  'protocols/*': ['base', 'core', 'language'],
  // Types of the vocabulary only; the contract is what console and CLI share.
  'api/contract': ['base', 'core'],
  api: ['base', 'core', 'api/contract'],
  agent: ['base', 'tunnel'],
  cli: ['base', 'api/contract'],
  gateway: ['*'],
  // `src/*.ts`: the program's entry, which chooses between gateway, agent and CLI.
  main: ['*'],
  // What makes terminals safe to show stands in base.
  web: ['api/contract', 'base'],
};

/** Imports between rooms that the table forbids and the design declares. */
export const declaredExceptions: readonly (readonly [from: string, to: string, why: string])[] = [
  ['protocols/kubernetes', 'protocols/http', 'Kubernetes is spoken over HTTP'],
];

/** Rooms whose files may be imported one by one: vocabulary, not machinery. The others have a door, `index.ts`. */
export const openRooms: readonly string[] = ['base', 'core', 'api/contract'];

/** Who may pass a sibling's door: the composition root, and tests. */
export const deepImporters: readonly string[] = ['gateway', 'main'];

/** Third-party packages per room. A room not listed uses none. */
export const roomPackages: Readonly<Record<string, readonly string[]>> = {
  // OAuth, WebAuthn and the signatures of XML are not our own code.
  secrets: ['openid-client'],
  identity: ['openid-client', 'jose', 'xml-crypto', '@simplewebauthn/server', 'otpauth'],
  store: ['kysely', 'pg', '@electric-sql/pglite'],
  // What sinks and object stores speak to: each loaded only where one is configured.
  audit: ['@aws-sdk/client-s3', '@platformatic/kafka', 'nodemailer'],
  'api/contract': ['zod', 'yaml'],
  api: ['fastify', 'zod', 'yaml', 'qrcode-generator'],
  language: ['libpg-query', 'unbash', '@xterm/headless', 'graphql', 'yaml', '@bufbuild/protobuf'],
  'protocols/ssh': ['ssh2'],
  policy: ['@marcbachmann/cel-js', 're2js'],
  masking: ['libphonenumber-js', 're2js', '@xterm/headless', '@xterm/addon-serialize'],
  cli: ['commander', '@clack/prompts', 'picocolors', 'yaml', 'zod'],
  gateway: ['pino', 'prom-client', '@peculiar/x509', 'acme-client', 'reflect-metadata', 'yaml', 'zod'],
};

/** What tests may use besides what their room may. */
export const testPackages: readonly string[] = [
  'vitest',
  'fast-check',
  'pg',
  'postgres',
  '@electric-sql/pglite',
  '@peculiar/x509',
  'fastify',
  'ssh2',
  'oidc-provider',
  'samlp',
  'playwright-core',
  '@axe-core/playwright',
  '@grpc/grpc-js',
  '@bufbuild/protobuf',
];

/** Node's own modules, for the rooms that must not do I/O. A room not listed may use any. */
export const roomBuiltins: Readonly<Record<string, readonly string[]>> = {
  base: [
    'node:crypto',
    'node:dns/promises',
    'node:http',
    'node:https',
    'node:net',
    'node:tls',
    'node:util',
    'node:buffer',
    'node:stream',
  ],
  core: ['node:crypto'],
  language: ['node:crypto'],
  policy: ['node:crypto'],
  review: ['node:crypto'],
  masking: ['node:crypto'],
  detection: ['node:crypto'],
  protocols: [],
  'protocols/*': ['node:crypto', 'node:buffer'],
  // ssh2 takes and gives streams.
  'protocols/ssh': ['node:crypto', 'node:buffer', 'node:stream', 'node:events'],
  // Node's own HTTP over the gateway's wires: it opens no sockets here.
  'protocols/http': [
    'node:crypto',
    'node:buffer',
    'node:stream',
    'node:events',
    'node:http',
    'node:http2',
    'node:zlib',
  ],
  'protocols/kubernetes': ['node:crypto', 'node:buffer', 'node:stream', 'node:http', 'node:zlib'],
};

/** Rooms without a door of their own: every file may be imported. */
export const indexOptional: readonly string[] = ['base', 'core', 'api/contract', 'protocols', 'protocols/contract'];

/** Lines in a file of logic: beyond this nobody reads it whole. */
export const logicLinesMax = 500;

/** Lines in a file of tests. */
export const testLinesMax = 800;

/** Files that may be longer, and why. */
export const longFiles: readonly (readonly [path: RegExp, why: string])[] = [
  [/\/fixtures\//, 'captured bytes and generated data'],
  [/\.generated\.ts$/, 'generated'],
  [/^src\/language\/.*\/(?:catalogue|functions|keywords|tables)\.ts$/, 'tables of a language'],
];

/** Licences that may be shipped: permissive, or file-level copyleft that asks nothing of this program. */
export const allowedLicences: readonly string[] = [
  'MIT',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  'MPL-2.0',
  '0BSD',
  'Unlicense',
  // MIT without the duty to name the author; used by nodemailer.
  'MIT-0',
  // Permissive, written by lawyers for readability; used by glob and its family.
  'BlueOak-1.0.0',
];

/** Single findings that are right as they are. Each says why; a line that matches nothing is a problem itself. */
export const exemptions: readonly (readonly [rule: string, file: string, why: string])[] = [
  [
    'swallowed-error',
    'src/gateway/vanished.ts',
    'without an answer nothing is known, and nobody is dropped for that; the next look asks again',
  ],
  ['swallowed-error', 'src/core/door.ts', 'the connection is being refused already; there is nothing left to fail'],
];
