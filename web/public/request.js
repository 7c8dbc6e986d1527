// Asking for access: uses the browser's session, or signs on; asks, and says what the request is called. Of the link only the
// name of the resource is taken, to be read and sent.

import { attempt, call, say, whoami } from './gateway.js';
import { offerSignOn } from './signing-on.js';

const ways = document.getElementById('ways');
const form = document.getElementById('asking');
form.elements.namedItem('resource').value = nameOf(location.hash.slice(1));

function nameOf(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

async function ask() {
  const { resource, duration, reason } = Object.fromEntries(new FormData(form));
  const why = reason.trim();
  const body = { resource, duration, ...(why === '' ? {} : { reason: why }) };
  const asked = await call('POST', '/api/v1/access-requests', body);
  form.hidden = true;
  say(`Asked for ${asked.resource} as ${asked.id}. Connect again once it is approved.`);
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void attempt(ask, form.querySelector('button'));
});

function signedOn({ name }) {
  ways.replaceChildren();
  form.hidden = false;
  say(`Signed on as ${name}. Others decide; the time counts from their approval.`);
}

const me = await whoami();
if (me === null) await offerSignOn(ways, { done: signedOn });
else signedOn(me);
