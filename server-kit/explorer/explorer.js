// Shows the OpenAPI document of this server and tries its operations. Texts are set as text, never as HTML.
const METHODS = ['get', 'post', 'put', 'patch', 'delete']
let token = null

/** Makes an element: attributes, then children (texts or elements). */
function el(name, attributes = {}, ...children) {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value)
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? '' : value)
  }
  element.append(...children.filter((child) => child !== null && child !== undefined))
  return element
}

const api = await (await fetch('/api/openapi.json')).json()
document.title = api.info.title
document.getElementById('title').textContent = `${api.info.title} ${api.info.version}`
document.getElementById('description').textContent = api.info.description ?? ''

const resolve = (thing) => (thing?.$ref ? thing.$ref.slice(2).split('/').reduce((at, key) => at?.[key], api) : thing)

/** A made-up value of a schema, to begin a body with. */
function example(schema, depth = 0) {
  schema = resolve(schema)
  if (!schema || depth > 6) return null
  if (schema.example !== undefined) return schema.example
  if (schema.default !== undefined) return schema.default
  if (schema.enum) return schema.enum[0]
  for (const many of ['oneOf', 'anyOf']) {
    const first = schema[many]?.find((one) => resolve(one)?.type !== 'null')
    if (first) return example(first, depth + 1)
  }
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((one) => example(one, depth + 1)))
  const type = Array.isArray(schema.type) ? schema.type.find((one) => one !== 'null') : schema.type
  if (type === 'object' || schema.properties) {
    return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([key, of]) => [key, example(of, depth + 1)]))
  }
  if (type === 'array') return [example(schema.items, depth + 1)]
  if (type === 'integer' || type === 'number') return schema.minimum ?? 1
  if (type === 'boolean') return false
  if (schema.format === 'uuid') return crypto.randomUUID?.() ?? '00000000-0000-7000-8000-000000000000'
  if (schema.format === 'date') return new Date().toISOString().slice(0, 10)
  if (schema.format === 'date-time') return new Date().toISOString()
  return ''
}

function typeOf(schema) {
  const name = schema?.$ref?.split('/').pop()
  if (name) return name
  if (schema?.type === 'array' || schema?.type?.includes?.('array')) return `${typeOf(schema.items)}[]`
  const types = [].concat(schema?.type ?? []).join(' or ')
  return [types, schema?.format].filter(Boolean).join(', ') || (schema?.oneOf ?? schema?.anyOf ?? []).map(typeOf).join(' or ')
}

function fields(schema) {
  const name = schema?.$ref?.split('/').pop()
  schema = resolve(schema)
  if (!schema?.properties) return el('pre', {}, JSON.stringify(schema ?? {}, null, 2))
  const required = new Set(schema.required ?? [])
  return el('div', {},
    name ? el('p', { class: 'quiet' }, name) : null,
    el('table', {},
      ...Object.entries(schema.properties).map(([key, of]) =>
        el('tr', {}, el('td', {}, el('code', {}, key + (required.has(key) ? '' : '?'))), el('td', {}, typeOf(of)),
          el('td', {}, of.description ?? resolve(of)?.description ?? '')))))
}

function operation(path, method, spec) {
  const parameters = (spec.parameters ?? []).map(resolve)
  const bodySchema = spec.requestBody && resolve(spec.requestBody).content?.['application/json']?.schema
  const inputs = new Map(parameters.map((parameter) => [parameter, el('input', { name: parameter.name, placeholder: typeOf(parameter.schema) })]))
  const body = bodySchema ? el('textarea', { spellcheck: 'false', 'aria-label': 'Body' }) : null
  if (body) body.value = JSON.stringify(example(bodySchema), null, 2)
  const answer = el('pre', { hidden: true, 'aria-live': 'polite' })

  async function send() {
    let address = path
    const query = new URLSearchParams()
    const headers = {}
    for (const [parameter, input] of inputs) {
      if (parameter.in === 'path') address = address.replace(`{${parameter.name}}`, encodeURIComponent(input.value))
      else if (input.value === '') continue
      else if (parameter.in === 'query') query.set(parameter.name, input.value)
      else if (parameter.in === 'header') headers[parameter.name] = input.value
    }
    if (body) headers['content-type'] = 'application/json'
    if (token) headers.authorization = `Bearer ${token}`
    answer.hidden = false
    answer.textContent = '…'
    try {
      const began = performance.now()
      const response = await fetch(address + (query.size ? `?${query}` : ''), { method: method.toUpperCase(), headers, body: body?.value })
      const text = await response.text()
      let shown = text
      try { shown = JSON.stringify(JSON.parse(text), null, 2) } catch { /* not JSON: as it is */ }
      answer.textContent = `${response.status} ${response.statusText} · ${Math.round(performance.now() - began)} ms\n\n${shown}`
    } catch (error) {
      answer.textContent = String(error)
    }
  }

  const details = el('details', { 'data-words': `${method} ${path} ${spec.summary ?? ''} ${spec.description ?? ''}`.toLowerCase() },
    el('summary', {}, el('span', { class: `method ${method}` }, method), el('code', {}, path), el('span', {}, spec.summary ?? '')))
  details.addEventListener('toggle', () => {
    if (details.childElementCount > 1) return
    details.append(
      el('p', {}, spec.description ?? ''),
      parameters.length ? el('form', { onsubmit: (event) => event.preventDefault() },
        ...[...inputs].map(([parameter, input]) => el('label', {}, `${parameter.name} (${parameter.in})${parameter.required ? '' : ', optional'}`, input))) : '',
      bodySchema ? el('details', {}, el('summary', {}, 'Body'), fields(bodySchema)) : '',
      body ?? '',
      el('p', {}, el('button', { type: 'button', onclick: send }, 'Send')),
      answer,
      ...Object.entries(spec.responses ?? {}).map(([status, response]) => {
        response = resolve(response)
        const schema = Object.values(response.content ?? {})[0]?.schema
        return el('details', {}, el('summary', {}, `${status}: ${response.description ?? ''}`), schema ? fields(schema) : el('p', { class: 'quiet' }, 'No body.'))
      }))
  })
  return details
}

const tags = new Map()
for (const [path, item] of Object.entries(api.paths)) {
  for (const method of METHODS) {
    if (!item[method]) continue
    const tag = item[method].tags?.[0] ?? 'other'
    if (!tags.has(tag)) tags.set(tag, [])
    tags.get(tag).push(operation(path, method, item[method]))
  }
}
document.getElementById('operations').replaceChildren(
  ...[...tags].map(([tag, operations]) => el('section', {}, el('h2', {}, tag.replaceAll('-', ' ')), ...operations)))

document.getElementById('filter').addEventListener('input', (event) => {
  const word = event.target.value.toLowerCase()
  for (const details of document.querySelectorAll('[data-words]')) details.hidden = !details.dataset.words.includes(word)
  for (const section of document.querySelectorAll('section')) section.hidden = !section.querySelector('[data-words]:not([hidden])')
})

document.getElementById('sign-in').addEventListener('submit', async (event) => {
  event.preventDefault()
  const said = Object.fromEntries(new FormData(event.target))
  const response = await fetch('/api/v1/auth/sign-in', {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(said),
  })
  const answer = await response.json()
  token = response.ok ? answer.access_token : null
  document.getElementById('signed-in').textContent = response.ok ? `Signed in as ${answer.user.name}` : answer.title
})
