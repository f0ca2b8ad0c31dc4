// The OpenAPI document, generated from the route table and the schemas.
import { eventData, httpRoutes } from "@ossaat/contracts";
import type { HttpRoute } from "@ossaat/contracts";
import { z } from "zod";

type Json = Record<string, unknown>;

function parameters(route: HttpRoute): Json[] {
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const inQuery = Object.entries(route.query ?? {}).map(([name, description]) => ({
    name,
    in: "query",
    description,
    schema: { type: "string" },
  }));
  return [...inPath, ...inQuery];
}

function jsonSchema(schema: z.ZodType): Json {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Json;
}

function operation(route: HttpRoute): Json {
  const type = route.gives ?? (route.response === "EventStream" ? "text/event-stream" : "application/json");
  const schema = { $ref: `#/components/schemas/${route.response}` };
  return {
    summary: route.summary,
    parameters: parameters(route),
    ...(route.takes === undefined
      ? {}
      : {
          requestBody: { required: true, content: { [route.takes]: { schema: { type: "string", format: "binary" } } } },
        }),
    ...(route.request === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: jsonSchema(route.request) } } } }),
    responses: {
      [String(route.status)]: { description: route.summary, content: { [type]: { schema } } },
      default: {
        description: "Error",
        content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
      },
    },
    ...(route.capability === undefined ? { security: [] } : { "x-capability": route.capability }),
  };
}

const errorSchema: Json = {
  type: "object",
  required: ["code", "message", "requestId", "traceId"],
  properties: {
    code: { type: "string" },
    message: { type: "string" },
    details: { type: "object" },
    requestId: { type: "string" },
    traceId: { type: "string" },
  },
};

function componentSchemas(): Json {
  const names = [...new Set(httpRoutes.map(({ response }) => response))];
  const answers = Object.fromEntries(names.map((name) => [name, { type: "object", title: name }]));
  const events = Object.fromEntries(
    Object.entries(eventData).map(([type, schema]) => [`event.${type}`, jsonSchema(schema)]),
  );
  return { ...answers, EventStream: { type: "string" }, Error: errorSchema, ...events };
}

/** OpenAPI 3.1 document of the gateway. */
export function openApiDocument(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of httpRoutes) paths[route.path] = { ...paths[route.path], [route.method]: operation(route) };
  return {
    openapi: "3.1.0",
    info: { title: "ossaat plan API", version },
    components: { schemas: componentSchemas(), securitySchemes: { token: { type: "http", scheme: "bearer" } } },
    security: [{ token: [] }],
    paths,
  };
}
