// Passkeys in the browser: options of the gateway's JSON in, answers as JSON out. Both reject with a DOMException where the
// person declines, or has no passkey that would do; nothing is kept here.

/** Registers a passkey: `options` as `beginPasskey` gives them. */
export async function createPasskey(options) {
  const publicKey =
    PublicKeyCredential.parseCreationOptionsFromJSON?.(options) ?? readOptions(options, options.excludeCredentials);
  return answerOf(await navigator.credentials.create({ publicKey }));
}

/** Proves a passkey: `options` as `passkeyOptions`, `challengeFor` and `confirmation` give them. */
export async function usePasskey(options) {
  const publicKey =
    PublicKeyCredential.parseRequestOptionsFromJSON?.(options) ?? readOptions(options, options.allowCredentials);
  return answerOf(await navigator.credentials.get({ publicKey }));
}

/** Whether this browser has passkeys at all; it has none without TLS, but on localhost. */
export function hasPasskeys() {
  return 'PublicKeyCredential' in globalThis;
}

// What browsers of before 2025 do not do by themselves.

function readOptions(options, credentials) {
  const listed = credentials?.map((one) => ({ ...one, id: bytesOf(one.id) }));
  return {
    ...options,
    challenge: bytesOf(options.challenge),
    ...(options.user === undefined ? {} : { user: { ...options.user, id: bytesOf(options.user.id) } }),
    ...(options.excludeCredentials === undefined ? {} : { excludeCredentials: listed }),
    ...(options.allowCredentials === undefined ? {} : { allowCredentials: listed }),
  };
}

function answerOf(credential) {
  if (credential === null) throw new DOMException('No passkey was chosen.', 'NotAllowedError');
  if (typeof credential.toJSON === 'function') return credential.toJSON();
  const { id, type, response } = credential;
  const parts = ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle'];
  const given = parts.filter((part) => response[part] instanceof ArrayBuffer);
  const answer = Object.fromEntries(given.map((part) => [part, textOf(response[part])]));
  const transports = response.getTransports?.();
  const more = transports === undefined ? {} : { transports };
  return { id, rawId: textOf(credential.rawId), type, response: { ...answer, ...more }, clientExtensionResults: {} };
}

function bytesOf(text) {
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(plain, (one) => one.charCodeAt(0));
}

function textOf(buffer) {
  const plain = Array.from(new Uint8Array(buffer), (one) => String.fromCharCode(one)).join('');
  return btoa(plain).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}
