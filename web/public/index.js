// Says who is signed on in this browser, and leads to their account.

import { make, whoami } from './gateway.js';

const me = await whoami();
if (me !== null) {
  const account = make('a', { href: '/account.html', textContent: 'your account' });
  document
    .getElementById('me')
    .replaceChildren('Signed on as ', make('strong', { textContent: me.name }), ': ', account);
}
