/**
 * The OpenAPI 3.1 description, made from the table of routes. Schemas are JSON Schema 2020-12, which 3.1 takes as it is.
 */
import { z } from 'zod';
import type { Answer, RouteDefinition } from './route.ts';
import { routes } from './routes.ts';
import { problemShape } from './shapes.ts';

export interface OpenApiOptions {
  readonly version: string;
}

type Json = Record<string, unknown>;

/** The description as a plain value, the same for the same version. */
export function openApiDocument(options: OpenApiOptions): Json {
  const paths: Record<string, Json> = {};
  for (const [name, route] of Object.entries(routes) as [string, RouteDefinition][]) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(name, route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sallyport API',
      version: options.version,
      description: 'The control plane of a Sallyport gateway. Errors are problem documents (RFC 9457).',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'An access token (sallyport login).' } },
      schemas: { Problem: jsonSchema(problemShape, 'output') },
    },
  };
}

function operation(name: string, route: RouteDefinition): Json {
  const parameters = [
    ...parametersOf(route.params, 'path'),
    ...parametersOf(route.query, 'query'),
    ...parametersOf(route.headers, 'header'),
  ];
  return {
    operationId: name,
    summary: route.summary,
    'x-permission': route.permission,
    ...(route.permission === 'public' ? { security: [] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...requestOf(route),
    responses: {
      default: {
        description: 'What went wrong, and what to do next.',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
      ...success(route.response),
    },
  };
}

function requestOf({ body, rawBody }: RouteDefinition): Json {
  const [mediaTypes, schema] = rawBody === undefined ? ['application/json', body] : [rawBody.mediaType, rawBody.schema];
  if (schema === undefined) return {};
  const content = [mediaTypes].flat().map((type) => [type, { schema: jsonSchema(schema, 'input') }]);
  return { requestBody: { required: true, content: Object.fromEntries(content) } };
}

function success(response: Answer): Json {
  switch (response.kind) {
    case 'none':
      return { '204': { description: 'Done.' } };
    case 'json':
      return {
        '200': {
          description: 'The answer.',
          content: { 'application/json': { schema: jsonSchema(response.schema, 'output') } },
        },
      };
    case 'ndjson':
      return {
        '200': {
          description: 'One JSON value per line; blank lines keep the connection alive.',
          content: { 'application/x-ndjson': { schema: jsonSchema(response.schema, 'output') } },
        },
      };
    case 'http':
      return {
        default: {
          description: response.description,
          content: Object.fromEntries(response.mediaTypes.map((type) => [type, { schema: { type: 'string' } }])),
        },
      };
    case 'text':
      return {
        '200': {
          description: 'Text.',
          content: Object.fromEntries(response.mediaTypes.map((type) => [type, { schema: { type: 'string' } }])),
        },
      };
  }
}

function parametersOf(schema: z.ZodType | undefined, place: 'path' | 'query' | 'header'): Json[] {
  if (schema === undefined) return [];
  const object = jsonSchema(schema, 'input') as { properties?: Record<string, unknown>; required?: string[] };
  return Object.entries(object.properties ?? {}).map(([name, value]) => ({
    name,
    in: place,
    required: place === 'path' || (object.required ?? []).includes(name),
    schema: value,
  }));
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, target: 'draft-2020-12' });
  return rest;
}
