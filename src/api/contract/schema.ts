/** The JSON Schema of all manifest kinds, for editors and for docs/reference. */
import { z } from 'zod';
import { type ManifestSchemas, manifestSchemas } from './validate.ts';

/** Stable: editors and tools key their caches by it. The number rises when a manifest that was valid no longer is. */
export const manifestSchemaId = 'urn:sallyport:schema:manifest:1';

/** JSON Schema (2020-12) of what may be written, defaults left out being allowed. */
export function manifestJsonSchema(schemas: ManifestSchemas = manifestSchemas(null)): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(schemas.all, { io: 'input', target: 'draft-2020-12' });
  return { $schema, $id: manifestSchemaId, title: 'Sallyport manifest', ...rest };
}
