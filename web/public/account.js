// One's own account: who one is here, what proves it, and what is signed on. Changes of second factors take a proof of just
// now, which is asked for where the gateway wants one.

import { attempt, button, call, field, make, say, whoami } from './gateway.js';
import { createPasskey, hasPasskeys } from './passkeys.js';
import { Declined, withProof } from './signing-on.js';

const place = (id) => document.getElementById(id);
/** Methods as RFC 8176 names them; what the person did with a passkey, and that it was several, goes without saying. */
const methods = { pwd: 'password', otp: 'code', hwk: 'passkey', swk: 'passkey', user: '', mfa: '' };
const spelledMethods = (factors) =>
  factors
    .map((one) => methods[one] ?? one)
    .filter(Boolean)
    .join(' and ');
const spelled = { passkey: 'passkey', totp: 'authenticator', recovery: 'recovery codes' };
let me = null;

/** Runs a change with the proof that it may take, and does nothing more where the person has to prove themself elsewhere. */
async function changed(work) {
  try {
    return await withProof(place('proof'), me, work);
  } catch (error) {
    if (error instanceof Declined) return null;
    throw error;
  }
}

function when(at) {
  return at === null ? 'never' : new Date(at).toLocaleString();
}

function showFacts() {
  const { name, kind, issuer, groups, roles, token } = me;
  const rows = [
    ['Principal', name],
    ['Kind', kind],
    ['Account', issuer === 'local' ? 'of this gateway' : issuer],
    ['Groups', groups.join(', ') || 'none'],
    ['Roles', roles.join(', ') || 'none'],
    ['Proven', `${when(token.provenAt)}${token.factors.length > 0 ? `, with ${spelledMethods(token.factors)}` : ''}`],
  ];
  place('facts').replaceChildren(
    ...rows.map(([term, text]) =>
      make('div', {}, make('dt', { textContent: term }), make('dd', { textContent: text })),
    ),
  );
  place('off').replaceChildren(button('Sign off', signOff, 'refuse'));
}

async function signOff() {
  const { signOff: elsewhere } = await call('DELETE', '/api/v1/web-session');
  place('account').hidden = true;
  say('You are signed off here.');
  if (elsewhere === null) return;
  const link = make('a', { className: 'way', href: elsewhere, textContent: 'Sign off at your identity provider too' });
  place('proof').replaceChildren(link);
  place('proof').hidden = false;
}

async function showFactors() {
  const { factors, mayHave, passkeys } = await call('GET', '/api/v1/factors');
  place('about-factors').textContent = mayHave
    ? 'With a passkey or an authenticator, the password alone does not sign anybody on as you.'
    : 'You prove yourself where your account is: at your identity provider.';
  place('factors').replaceChildren(...factors.map(factorRow));
  const add = [];
  if (mayHave && passkeys && hasPasskeys()) add.push(button('Add a passkey', () => name(addPasskey), 'approve'));
  if (mayHave) add.push(button('Add an authenticator', () => name(addTotp), 'approve'));
  if (factors.some(({ kind }) => kind !== 'recovery')) add.push(button('New recovery codes', newCodes));
  place('add').replaceChildren(...add);
}

function factorRow({ id, kind, label, createdAt, lastUsedAt, codesLeft }) {
  const facts =
    kind === 'recovery' ? `${codesLeft} left` : `${spelled[kind]}, since ${when(createdAt)}, used ${when(lastUsedAt)}`;
  return make(
    'li',
    { dataset: { kind } },
    make('strong', { textContent: label }),
    make('span', { className: 'facts', textContent: facts }),
    button('Remove', async () => {
      const done = await changed(async (proof) => {
        await call('POST', `/api/v1/factors/${encodeURIComponent(id)}/remove`, { proof });
        return true;
      });
      if (done === null) return;
      say('Removed.');
      await showFactors();
    }),
  );
}

/** Asks what the new factor is to be called. */
function name(add) {
  const form = make(
    'form',
    { id: 'name' },
    field('What do you call it?', { name: 'label', maxLength: 60, required: true, autocomplete: 'off' }),
    make('button', { type: 'submit', textContent: 'Continue' }),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const label = new FormData(form).get('label');
    void attempt(() => add(label), form.querySelector('button'));
  });
  enrol(form);
  form.querySelector('input').focus();
}

function enrol(...parts) {
  place('codes').hidden = true;
  place('enrol').replaceChildren(...parts);
  place('enrol').hidden = parts.length === 0;
}

async function addPasskey(label) {
  const begun = await changed((proof) => call('POST', '/api/v1/factors/passkey', { label, proof }));
  if (begun === null) return;
  const response = await createPasskey(begun.options);
  await added(await call('POST', '/api/v1/factors/passkey/finish', { response }));
}

async function addTotp(label) {
  const begun = await changed((proof) => call('POST', '/api/v1/factors/totp', { label, proof }));
  if (begun === null) return;
  const form = make(
    'form',
    { id: 'totp' },
    field('The code that it shows', {
      name: 'code',
      inputMode: 'numeric',
      autocomplete: 'one-time-code',
      required: true,
    }),
    make('button', { type: 'submit', textContent: 'Add it' }),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const code = new FormData(form).get('code');
    void attempt(async () => {
      await added(await call('POST', '/api/v1/factors/totp/finish', { id: begun.id, code }));
    }, form.querySelector('button'));
  });
  say('Scan this with your authenticator.');
  enrol(
    drawing(begun.qr),
    make('p', { className: 'quiet' }, 'Or type it: ', make('code', { id: 'secret', textContent: begun.secret })),
    form,
  );
}

async function added({ factor, recoveryCodes }) {
  enrol();
  say(`Added ${factor.label}.`);
  if (recoveryCodes !== null) showCodes(recoveryCodes);
  await showFactors();
}

async function newCodes() {
  const made = await changed((proof) => call('POST', '/api/v1/factors/recovery-codes', { proof }));
  if (made === null) return;
  say('These replace all codes before.');
  showCodes(made.recoveryCodes);
  await showFactors();
}

function showCodes(codes) {
  place('code-list').textContent = codes.join('\n');
  place('codes').hidden = false;
}

/** A QR code of rows of 0 and 1, with the quiet zone of four that scanners ask for. */
function drawing(rows) {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  const side = rows.length + 8;
  svg.setAttribute('viewBox', `0 0 ${side} ${side}`);
  svg.setAttribute('class', 'qr');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', 'QR code of the secret');
  const path = document.createElementNS(space, 'path');
  const cells = rows.flatMap((row, y) =>
    [...row].flatMap((cell, x) => (cell === '1' ? [`M${x + 4} ${y + 4}h1v1h-1z`] : [])),
  );
  path.setAttribute('d', cells.join(''));
  svg.append(path);
  return svg;
}

async function showTokens() {
  const { tokens } = await call('GET', '/api/v1/tokens');
  place('tokens').replaceChildren(...tokens.map(tokenRow));
}

function tokenRow(token) {
  const { id, use, description, method, provider, factors, agents, lastUsedAt, expiresAt } = token;
  const isThis = id === me.token.id;
  const how = [provider, spelledMethods(factors) || method].filter(Boolean).join(': ');
  const facts = [
    use === 'web' ? 'browser' : 'token',
    how === '' ? null : `by ${how}`,
    agents.length > 0 ? `in the hands of ${agents.join(' for ')}` : null,
    `used ${when(lastUsedAt)}`,
    `until ${when(expiresAt)}`,
  ];
  return make(
    'li',
    { className: isThis ? 'wanted' : '', dataset: { id } },
    make('strong', { textContent: isThis ? 'This browser' : description || id }),
    make('span', { className: 'facts', textContent: facts.filter(Boolean).join(', ') }),
    isThis
      ? ''
      : button('Revoke', async () => {
          await call('DELETE', `/api/v1/tokens/${encodeURIComponent(id)}`);
          say('Revoked. What it had opened ends.');
          await showTokens();
        }),
  );
}

async function show() {
  me = await whoami();
  if (me === null) return location.replace('/sign-on.html?returnTo=/account.html');
  showFacts();
  say(`Signed on as ${me.name}.`);
  place('account').hidden = false;
  await Promise.all([showFactors(), showTokens()]);
}

// Revoked elsewhere: whoever comes back to this page is told by being asked to sign on.
document.addEventListener('visibilitychange', async () => {
  if (!document.hidden && (await whoami()) === null) location.replace('/sign-on.html?returnTo=/account.html');
});

await show();
