/** JSON Schema of the contract's zod schemas, as people read it: without what a format already says. */
import { z } from 'zod';

export type JsonSchema = Record<string, unknown>;

/** Changes a schema where zod cannot say it: called with the name of the property it stands at. */
export type Refinement = (schema: JsonSchema, property: string) => void;

export function jsonSchema(schema: z.ZodType, io: 'input' | 'output', refine: Refinement = () => {}): JsonSchema {
  const made = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema: part, path }) => {
      const it = part as JsonSchema;
      if (it['format'] !== undefined) delete it['pattern'];
      if (it['maximum'] === Number.MAX_SAFE_INTEGER) delete it['maximum'];
      delete it['propertyNames'];
      // What we send may get further fields without a new version: whoever validates must not break at them.
      if (it['additionalProperties'] === false) delete it['additionalProperties'];
      if (path.at(-2) === 'properties') refine(it, String(path.at(-1)));
    },
  });
  const { $schema: _dialect, ...rest } = made;
  return rest;
}
