// Signing on at the console, on whichever page asks for it: identity providers, name and password, a passkey, and the second
// step; and confirming anew. The session that comes of it is a cookie that no script can read.

import { attempt, button, call, field, make, Problem, providerLink, say } from './gateway.js';
import { hasPasskeys, usePasskey } from './passkeys.js';

/** Puts the ways to sign on into `place`; `done` is called with who it is then. */
export async function offerSignOn(place, { action = 'Sign on', done }) {
  const { providers, passkeys } = await call('GET', '/api/v1/sign-on');
  const links = providers.map(({ name, title }) =>
    make('a', { className: 'way', href: providerLink(name), textContent: `Sign on with ${title}` }),
  );
  const form = make(
    'form',
    { id: 'sign-on' },
    field('Principal', {
      name: 'principal',
      autocomplete: 'username webauthn',
      autocapitalize: 'none',
      required: true,
    }),
    field('Password', { name: 'password', type: 'password', autocomplete: 'current-password', required: true }),
    make('button', { type: 'submit', textContent: action }),
  );
  const step = make('section', { id: 'second-step', className: 'panel', hidden: true });
  const ways = make('div', { className: 'ways' });
  if (links.length > 0) ways.append(...links);
  if (passkeys && hasPasskeys()) ways.append(button('Use a passkey', byPasskey, 'way passkey'));
  const own =
    ways.children.length > 0
      ? [ways, make('p', { className: 'quiet', textContent: 'or with a name and password of this gateway' })]
      : [];
  place.replaceChildren(...own, form, step);

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void attempt(byPassword, form.querySelector('button[type=submit]'));
  });

  async function byPassword() {
    const given = Object.fromEntries(new FormData(form));
    try {
      const { principal } = await call('POST', '/api/v1/web-session', given);
      await done(principal);
    } catch (error) {
      if (!(error instanceof Problem) || error.step === null) throw error;
      form.reset();
      form.hidden = true;
      for (const one of own) one.hidden = true;
      const { pendingId, factors, passkey } = error.step;
      say('One more step.');
      const answer = async (kind, response) => {
        try {
          const { principal } = await call('POST', '/api/v1/web-session/factor', { pendingId, kind, response });
          await done(principal);
        } catch (refused) {
          // Nothing may follow: begin with the password again.
          if (refused.code === 'identity.sign-on-over') await offerSignOn(place, { action, done });
          throw refused;
        }
      };
      showFactors(step, { factors, passkey, answer });
    }
  }

  async function byPasskey() {
    const principal = form.elements.namedItem('principal').value;
    const { options } = await call(
      'POST',
      '/api/v1/web-session/passkey/options',
      principal === '' ? {} : { principal },
    );
    const response = await usePasskey(options);
    const answer = await call('POST', '/api/v1/web-session/passkey', { response });
    await done(answer.principal);
  }
}

/** The second factors that would do; `answer` is called with the kind and what was given. */
function showFactors(place, { factors, passkey, answer }) {
  const parts = [];
  if (passkey !== null && hasPasskeys()) {
    parts.push(button('Use your passkey', async () => answer('passkey', await usePasskey(passkey)), 'way passkey'));
  }
  const codes = factors.filter((kind) => kind !== 'passkey');
  if (codes.length > 0) {
    const what = codes.includes('totp') ? 'Code of your authenticator' : 'Recovery code';
    const form = make(
      'form',
      { className: 'code' },
      field(codes.length > 1 ? `${what}, or a recovery code` : what, {
        name: 'code',
        autocomplete: 'one-time-code',
        autocapitalize: 'none',
        spellcheck: false,
        required: true,
      }),
      make('button', { type: 'submit', textContent: 'Continue' }),
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const typed = new FormData(form).get('code');
      void attempt(() => answer(kindOf(typed, codes), typed), form.querySelector('button'));
      form.reset();
    });
    parts.push(form);
  }
  if (parts.length === 0) {
    parts.push(
      make('p', {
        textContent: 'None of your second factors can be used in this browser. Ask an administrator to reset them.',
      }),
    );
  }
  place.replaceChildren(...parts);
  place.hidden = false;
  place.querySelector('input')?.focus();
}

/** Six digits are an authenticator's; recovery codes are longer. */
function kindOf(typed, codes) {
  const isShort = /^[\d\s-]{6,8}$/.test(typed.trim());
  return codes.includes('totp') && (isShort || !codes.includes('recovery')) ? 'totp' : 'recovery';
}

/** Does `work`, and once more with a fresh proof in `place` where the gateway asks for one. */
export async function withProof(place, { token }, work) {
  try {
    return await work(undefined);
  } catch (error) {
    if (!['api.prove-again', 'identity.proof-needed'].includes(error.code)) throw error;
  }
  if (token.provider !== null) {
    say('This takes a proof that it is you, now. Your identity provider gives it, and brings you back here.');
    const again = make('a', {
      className: 'way',
      href: providerLink(token.provider, true),
      textContent: 'Prove it there',
    });
    place.replaceChildren(again);
    place.hidden = false;
    throw new Declined();
  }
  return new Promise((resolve, reject) => void ask(place, work, resolve).catch(reject));
}

/** Nothing went wrong: the person has something to do first. */
export class Declined extends Error {}

async function ask(place, work, resolve) {
  const { factors, passkey } = await call('POST', '/api/v1/factors/confirmation', {});
  say('This takes a proof that it is you, now.');
  const finish = async (proof) => {
    const result = await work(proof);
    place.hidden = true;
    place.replaceChildren();
    resolve(result);
  };
  if (factors.length === 0) {
    const form = make(
      'form',
      { id: 'prove' },
      field('Your password', { name: 'password', type: 'password', autocomplete: 'current-password', required: true }),
      make('button', { type: 'submit', textContent: 'Confirm' }),
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const password = new FormData(form).get('password');
      void attempt(() => finish({ password }), form.querySelector('button'));
    });
    place.replaceChildren(form);
    place.hidden = false;
    form.querySelector('input').focus();
    return;
  }
  showFactors(place, { factors, passkey, answer: (kind, response) => finish({ factor: { kind, response } }) });
}
