/** Types of answers and queries, read off the generated OpenAPI types by address, so that nothing is written down twice. */

type Json<R> = R extends { content: { 'application/json': infer Body } } ? Body : never

export type Answer<Paths, P extends keyof Paths> = Paths[P] extends { get: { responses: { 200: infer R } } }
  ? Json<R>
  : never

export type Query<Paths, P extends keyof Paths> = Paths[P] extends {
  get: { parameters: { query?: infer Q } }
}
  ? NonNullable<Q>
  : Record<string, never>
