/**
 * The shapes of what rules say of HTTP: `match.commands.http` of a Guardrail, `fields` and `headers` of a Mask.
 *
 * Deliberately absent: whether a path, route or pointer can be compiled in full; the compilers say that before a save.
 */
import { z } from 'zod';
import type { GraphqlOperation, HttpSelector } from '../../core/http.ts';
import * as limits from './limits.ts';
import { namePattern, oneOf, pathPattern, patternsOf, uncertain } from './rule-parts.ts';

const operationNames = [
  'query',
  'mutation',
  'subscription',
] as const satisfies readonly GraphqlOperation['operation'][];

const absolutePath = pathPattern.regex(/^(?:\/|\*\*(?:\/|$))[^?#{}]*$/, 'must be a path from / on, with * and ** only');
const routeTemplate = pathPattern.regex(/^\/[^?#*]*$/, 'must be a route such as /v1/customers/{id}');
const pointer = pathPattern.regex(
  /^\/[^=]*(?:=.*)?$/,
  'must be a JSON pointer such as /customer/name, or /customer/name=value',
);
const pair = z
  .string()
  .max(2 * limits.patternNameLengthMax)
  .regex(/^[^=\0\n\r]+(?:=[^\0\n\r]*)?$/, 'must be a name, or name=value');
const method = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/, 'must be a method such as DELETE');

export const httpSelector = z
  .strictObject({
    methods: patternsOf(method)
      .optional()
      .describe('GET, DELETE, …; a request that asks for one by the side counts too.'),
    paths: patternsOf(absolutePath)
      .optional()
      .describe('Globs over the canonical path: * within a segment, ** for any run of segments: /admin/**.'),
    routes: patternsOf(routeTemplate).optional().describe('Route templates, as the resource names them.'),
    query: patternsOf(pair).optional().describe('name, or name=value with * in either.'),
    headers: patternsOf(pair).optional().describe('name, or name=value with * in either. Credentials are not seen.'),
    contentTypes: patternsOf(namePattern).optional().describe('Media types without parameters; * for any characters.'),
    body: patternsOf(pointer)
      .optional()
      .describe('Places in a JSON body, or fields of a form: /customer/name, /items/*/price=0.'),
    graphql: z
      .strictObject({
        operations: oneOf(operationNames).optional(),
        fields: patternsOf(namePattern)
          .optional()
          .describe('Dotted paths from the root: deleteCustomer, customer.ssn.'),
      })
      .refine((value) => Object.keys(value).length > 0, 'must not be empty')
      .optional()
      .describe('Both must hold of one and the same operation.'),
    rpc: patternsOf(namePattern).optional().describe('Methods of JSON-RPC calls.'),
    grpc: patternsOf(namePattern).optional().describe('package.Service/Method.'),
    upgrades: oneOf(['websocket']).optional(),
    uncertain,
  } satisfies Record<keyof HttpSelector, z.ZodType>)
  .refine((value) => Object.keys(value).length > 0, 'must not be empty')
  .describe('What a request asks for. All that is given must hold; names and values compare without regard to case.');

export const maskFields = z
  .array(
    pathPattern.regex(/^(?:\/(?:[^~]|~[01])*)$/, 'must be a JSON pointer such as /customers/*/ssn or /**/password'),
  )
  .min(1, 'must not be empty')
  .max(limits.listEntriesMax)
  .describe(
    'Places in bodies of HTTP answers: JSON pointers, * for any one name or index, ** for any run of them. Columns of CSV and fields of forms are /name.',
  );

export const maskHeaders = z
  .array(
    z
      .string()
      .max(limits.patternNameLengthMax)
      .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be the name of a head field'),
  )
  .min(1, 'must not be empty')
  .max(limits.listEntriesMax)
  .describe('Head and trailer fields of HTTP answers, by name; * for any run of characters.');
