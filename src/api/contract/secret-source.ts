/** Where one secret of a manifest is, and the name that may stand beside it: what every credential is made of. */
import { z } from 'zod';
import * as limits from './limits.ts';
import { absolutePath, secretName, utf8Length } from './names.ts';

/** Where a secret of a credential is. Exactly one key; `value` is taken and never given back. */
export const secretSource = z
  .strictObject({
    env: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be the name of an environment variable')
      .optional()
      .describe('An environment variable of the gateway.'),
    file: absolutePath.optional().describe('A file on the gateway; a final line feed is dropped.'),
    store: secretName.optional().describe('A secret of the gateway (sallyport secret set).'),
    value: z
      .string()
      .min(1)
      .refine(
        (text) => utf8Length(text) <= limits.secretBytesMax,
        `must not be longer than ${limits.secretBytesMax} bytes`,
      )
      .optional()
      .meta({
        description: 'The secret itself. Sealed on arrival and shown as `store` from then on.',
        writeOnly: true,
      }),
  })
  .refine((source) => Object.keys(source).length === 1, 'must hold exactly one of env, file, store, value')
  .meta({ minProperties: 1, maxProperties: 1 });
export type SecretSource = z.output<typeof secretSource>;

export const username = z
  .string()
  .min(1)
  .max(limits.textLengthMax)
  .refine((text) => !text.includes('\0'), 'must not hold a zero byte');
