'use strict';

// Draws /openapi.json. Everything from there enters the page as text.
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  node.append(...children.filter((c) => c !== null && c !== undefined));
  return node;
}

function resolve(api, schema) {
  for (let i = 0; schema && schema.$ref && i < 10; i++) {
    schema = api.components.schemas[schema.$ref.split('/').pop()];
  }
  return schema || {};
}

function typeOf(api, schema) {
  if (!schema) return '';
  if (schema.$ref) return schema.$ref.split('/').pop();
  const type = Array.isArray(schema.type) ? schema.type.join(' or ') : schema.type || 'any';
  if (schema.items) return 'list of ' + typeOf(api, schema.items);
  if (schema.additionalProperties && typeof schema.additionalProperties === 'object') return 'object of ' + typeOf(api, schema.additionalProperties);
  return schema.format ? type + ' (' + schema.format + ')' : type;
}

function limits(schema) {
  const parts = [];
  if (schema.enum) parts.push('one of ' + schema.enum.join(', '));
  if (schema.default !== undefined) parts.push('default ' + schema.default);
  for (const [key, word] of [['minimum', 'at least'], ['maximum', 'at most'], ['maxLength', 'characters up to'], ['maxItems', 'items up to']]) {
    if (schema[key] !== undefined) parts.push(word + ' ' + schema[key]);
  }
  return parts.join('; ');
}

function fields(api, schema, seen) {
  schema = resolve(api, schema);
  if (schema.items) return fields(api, schema.items, seen);
  if (!schema.properties) return null;
  const required = schema.required || [];
  const table = el('table', {}, el('tr', {}, el('th', { scope: 'col' }, 'Field'), el('th', { scope: 'col' }, 'Type'), el('th', { scope: 'col' }, 'Meaning')));
  for (const [name, property] of Object.entries(schema.properties)) {
    const meaning = el('td', {}, [property.description, limits(property)].filter(Boolean).join('. '));
    const inner = property.$ref || (property.items && property.items.$ref);
    if (inner && !seen.includes(inner)) {
      const nested = fields(api, { $ref: inner }, seen.concat(inner));
      if (nested) meaning.append(nested);
    }
    table.append(el('tr', {}, el('td', {}, el('code', {}, name), required.includes(name) ? ' *' : ''), el('td', {}, typeOf(api, property)), meaning));
  }
  return table;
}

function content(api, title, holder) {
  const out = [];
  for (const [kind, media] of Object.entries((holder && holder.content) || {})) {
    out.push(el('h4', {}, title + ' (' + kind + ')'), fields(api, media.schema, []) || el('p', {}, typeOf(api, media.schema)));
  }
  return out;
}

function draw(api, path, method, op) {
  const body = el('div', { class: 'body' });
  if (op.description) body.append(el('p', {}, op.description));
  if (op.parameters && op.parameters.length) {
    const table = el('table', {}, el('tr', {}, el('th', { scope: 'col' }, 'Parameter'), el('th', { scope: 'col' }, 'In'), el('th', { scope: 'col' }, 'Meaning')));
    for (const p of op.parameters) {
      table.append(el('tr', {}, el('td', {}, el('code', {}, p.name), p.required ? ' *' : ''), el('td', {}, p.in),
        el('td', {}, [typeOf(api, p.schema), p.description || (p.schema && p.schema.description), limits(p.schema || {})].filter(Boolean).join('. '))));
    }
    body.append(table);
  }
  body.append(...content(api, 'Body', op.requestBody));
  for (const [status, response] of Object.entries(op.responses || {})) {
    if (status !== 'default') body.append(...content(api, 'Answer ' + status, response));
  }
  let curl = 'curl';
  if (method !== 'get') curl += ' -X ' + method.toUpperCase();
  if (op.requestBody) curl += op.requestBody.content['application/json'] ? " --json '{…}'" : op.requestBody.content['multipart/form-data'] ? ' -F file=@FILE' : ' --data-binary @FILE';
  body.append(el('pre', {}, curl + ' ' + location.origin + path));
  return el('details', { id: op.operationId }, el('summary', {}, el('span', { class: 'method' }, method.toUpperCase()), el('code', {}, path), el('span', {}, op.summary || ''),
    el('span', { class: 'role' }, op['x-role'] || '')), body);
}

async function start() {
  const about = document.getElementById('about');
  const main = document.getElementById('operations');
  try {
    const response = await fetch('/openapi.json');
    if (!response.ok) throw new Error('status ' + response.status);
    const api = await response.json();
    about.textContent = api.info.description + ' Errors are application/problem+json with code and fix. Tokens go into Authorization: Bearer. * marks what is required.';
    const tags = new Map();
    for (const [path, item] of Object.entries(api.paths)) {
      for (const method of ['get', 'post', 'put', 'patch', 'delete']) {
        if (!item[method]) continue;
        const tag = (item[method].tags || ['Other'])[0];
        if (!tags.has(tag)) tags.set(tag, el('section', {}, el('h2', {}, tag)));
        tags.get(tag).append(draw(api, path, method, item[method]));
      }
    }
    main.append(...tags.values());
  } catch (e) {
    about.textContent = 'The description could not be read: ' + e.message;
  }
  document.getElementById('search').addEventListener('input', (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const node of main.querySelectorAll('details')) node.hidden = !node.querySelector('summary').textContent.toLowerCase().includes(wanted);
  });
}

start();
