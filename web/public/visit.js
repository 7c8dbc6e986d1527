// Signing on for the origin of a resource: shows which one it is, uses the browser's session or signs on, asks for the link
// back, and follows it. Where to go says the gateway, never the link that led here; what stands in that link is shown as text
// and handed back, and the gateway checks it. Nobody is taken on without a press: it names the resource, and is recorded.

import { button, call, say, whoami } from './gateway.js';
import { offerSignOn } from './signing-on.js';

const ways = document.getElementById('ways');
const wanted = new URLSearchParams(location.hash.slice(1));
const resource = wanted.get('resource') ?? '';

async function visit({ name }) {
  const { url } = await call('POST', '/api/v1/visits', {
    resource,
    domain: wanted.get('domain') ?? '',
    nonce: wanted.get('nonce'),
    returnTo: wanted.get('return') ?? '/',
  });
  say(`Signed on as ${name}. ${resource} opens.`);
  // Replaced, so that going back does not come to a page whose link is used up.
  location.replace(url);
}

if (resource !== '' && wanted.get('nonce') !== null) {
  document.getElementById('resource').textContent = resource;
  document.title = `Sign on to ${resource} · Sallyport`;
  const me = await whoami();
  if (me === null) {
    const done = (principal) =>
      visit(principal).catch(async (error) => {
        // A sign-on that leads nowhere should not outlive its page.
        await call('DELETE', '/api/v1/web-session').catch(() => undefined);
        throw error;
      });
    await offerSignOn(ways, { action: 'Sign on and continue', done });
    say('This resource asks who you are.');
  } else {
    ways.replaceChildren(button(`Continue as ${me.name}`, () => visit(me), 'approve'));
    say(`You are signed on as ${me.name}.`);
  }
  document.getElementById('wanted').hidden = false;
  document.querySelector('input[name=principal]')?.focus();
}
