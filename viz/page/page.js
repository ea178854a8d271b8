// page.js: shows what the page holds.
'use strict';

function block(id) {
  return document.getElementById(id).textContent;
}

const manifest = JSON.parse(block('manifest'));
const list = document.getElementById('documents');

manifest.documents.forEach((document_, index) => {
  const item = document.createElement('li');
  const arrays = manifest.arrays.filter((array) => array.document === index);
  const shapes = arrays.map((array) => `${array.name} ${array.type} [${array.shape.join(', ')}]`);
  item.textContent = [`${document_.kind} ${document_.name}`, ...shapes].join('; ');
  list.append(item);
});
