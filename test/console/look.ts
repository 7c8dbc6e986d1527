/**
 * Takes a picture of a page of the console, as somebody, to be looked at.
 *
 *     node test/console/look.ts /now --as admin --password … [--url http://localhost:15400] [--dark] [--phone] [--out FILE.png]
 *                               [--files FOLDER] [--press KEY]… [--click TEXT]… [--wait TEXT] [--tall]
 *
 * `--files` shows what was built there in place of what the gateway serves. Presses and clicks are made in the order given.
 */
import { parseArgs } from 'node:util';
import { closeBrowser, desk, openConsole, phone } from './browser.ts';

const { values, positionals, tokens } = parseArgs({
  allowPositionals: true,
  tokens: true,
  options: {
    url: { type: 'string', default: 'http://localhost:15400' },
    as: { type: 'string', default: 'admin' },
    password: { type: 'string', default: process.env['SALLYPORT_PASSWORD'] ?? '' },
    dark: { type: 'boolean', default: false },
    phone: { type: 'boolean', default: false },
    tall: { type: 'boolean', default: false },
    files: { type: 'string' },
    out: { type: 'string', default: 'console.png' },
    press: { type: 'string', multiple: true },
    click: { type: 'string', multiple: true },
    wait: { type: 'string', multiple: true },
  },
});

const settleMs = 700;
const opened = await openConsole({
  url: values.url,
  principal: values.as,
  password: values.password,
  theme: values.dark ? 'dark' : 'light',
  viewport: values.phone ? phone : desk,
  ...(values.files === undefined ? {} : { files: values.files }),
});
try {
  await opened.go(positionals[0] ?? '/');
  await opened.page.waitForTimeout(settleMs);
  for (const token of tokens) {
    if (token.kind !== 'option' || token.value === undefined) continue;
    if (token.name === 'press') await opened.page.keyboard.press(token.value);
    else if (token.name === 'click') await opened.page.getByText(token.value).first().click();
    else if (token.name === 'wait') await opened.page.getByText(token.value).first().waitFor();
    else continue;
    await opened.page.waitForTimeout(settleMs);
  }
  await opened.page.screenshot({ path: values.out, fullPage: values.tall });
  for (const problem of opened.problems) console.error(problem);
} finally {
  await opened.close();
  await closeBrowser();
}
