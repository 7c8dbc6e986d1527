// Signing on for the origin of a resource: shows which one it is, signs on, asks for the link back, and follows it.
// Nothing is kept: the token lives in this page's memory until it is left. Where to go says the gateway, never the link
// that led here; what stands in that link is shown as text and handed back, and the gateway checks it.

const said = document.getElementById('said');
const form = document.getElementById('sign-on');
const button = form.querySelector('button');
const wanted = new URLSearchParams(location.hash.slice(1));
const resource = wanted.get('resource') ?? '';
// The visit ends with this sign-on at the latest.
const lifetimeSeconds = 8 * 60 * 60;

async function call(path, body, token) {
  const response = await fetch(path, {
    method: 'POST',
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const answer = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Error(answer?.detail ?? 'The gateway did not answer as expected.');
  return answer;
}

function say(text, isProblem = false) {
  said.textContent = text;
  said.classList.toggle('problem', isProblem);
}

if (resource !== '' && wanted.get('nonce') !== null) {
  document.getElementById('resource').textContent = resource;
  document.getElementById('wanted').hidden = false;
  document.title = `Sign on to ${resource} · Sallyport`;
  say('This resource asks who you are.');
  form.elements.namedItem('principal').focus();
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const given = new FormData(form);
  button.disabled = true;
  let token;
  try {
    const signedOn = await call('/api/v1/login', {
      principal: given.get('principal'),
      password: given.get('password'),
      lifetimeSeconds,
    });
    token = signedOn.token;
    form.reset();
    const { url } = await call(
      '/api/v1/visits',
      {
        resource,
        domain: wanted.get('domain') ?? '',
        nonce: wanted.get('nonce'),
        returnTo: wanted.get('return') ?? '/',
      },
      token,
    );
    say(`Signed on as ${signedOn.principal.name}. ${resource} opens.`);
    // Replaced, so that going back does not come to a page whose link is used up.
    location.replace(url);
  } catch (error) {
    say(error.message, true);
    button.disabled = false;
    // A sign-on that leads nowhere should not outlive its page.
    if (token !== undefined) await call('/api/v1/logout', undefined, token).catch(() => undefined);
  }
});
