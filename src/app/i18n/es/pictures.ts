import type { English } from '../en';
import type { Translation } from '../translation';

export const pictures: Translation<English['pictures']> = {
  title: 'Imágenes',
  badge: 'Imágenes',
  stored: 'Guardadas aquí',
  facts: '{size} en este navegador, leídas el {date}',
  notTrained:
    'Los modelos de lenguaje aprenden de texto: ningún entrenamiento usa imágenes. Aquí se recortan, se escalan y llevan su leyenda, y siguen aunque su origen desaparezca.',
  ofFound: 'de {count} halladas',
  captioned: 'Con leyenda',
  captionedHow: 'al menos una',
  shapes: 'Formas',
  shapesHow: 'ancho entre alto',
  each: 'Cada una',
  eachHow: 'de media',
  noCaption: 'Sin leyenda',
  moreCaptions: '{count} más',
  size: '{width} × {height} · {aspect}',
  noEncoder: 'No hay ningún codificador de imágenes instalado.',
  noEncoderHelp:
    'Importa uno en ONNX (entra pixel_values, sale image_embeds o pooler_output) con su preprocessor_config.json; sus rasgos se guardan aquí.',
  from: '{path}, {width} × {height} píxeles en su origen',
};
