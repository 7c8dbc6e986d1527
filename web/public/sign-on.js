// Signing on by itself: goes on to a page of the console afterwards, or gives a terminal on this machine a token, where that
// is what the address asks for and the person allows it (RFC 8252, section 7.3). The gateway checks where the terminal is.

import { button, call, ownPath, providerLink, say, whoami } from './gateway.js';
import { offerSignOn } from './signing-on.js';

const asked = new URLSearchParams(location.hash.slice(1));
const returnTo = ownPath(new URLSearchParams(location.search).get('returnTo'), '/');
const terminal = document.getElementById('terminal');
const ways = document.getElementById('ways');
const redirectUri = asked.get('redirectUri');

function signedOn({ name }) {
  ways.replaceChildren();
  if (redirectUri === null) return location.replace(returnTo);
  const port = URL.parse(redirectUri)?.port ?? '';
  document.getElementById('port').textContent = port;
  document.getElementById('who').textContent = name;
  terminal
    .querySelector('.actions')
    .replaceChildren(button('Allow', allow, 'approve'), button('Refuse', refuse, 'refuse'));
  terminal.hidden = false;
  say('Give a token to the terminal on this machine?');
}

async function allow() {
  const order = { redirectUri, challenge: asked.get('challenge') ?? '', state: asked.get('state') ?? '' };
  const { url } = await call('POST', '/api/v1/sign-on/terminal', order);
  terminal.hidden = true;
  say('Allowed. The terminal goes on by itself.');
  location.replace(url);
}

function refuse() {
  terminal.hidden = true;
  say('Refused. Nothing was given to the terminal; stop it there.');
}

const me = await whoami();
const provider = asked.get('provider');
if (me !== null) signedOn(me);
else if (provider !== null && /^[a-z0-9.-]{1,63}$/.test(provider)) location.replace(providerLink(provider));
else await offerSignOn(ways, { done: signedOn });
