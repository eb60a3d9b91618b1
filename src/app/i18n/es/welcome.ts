// Words of the first-run screen, in Spanish.
import type { Translation } from '../translation';
import type { English } from '../en';

export const welcome: Translation<English['welcome']> = {
  title: 'Usa y ajusta modelos pequeños aquí',
  text: 'Todo ocurre en este navegador. Tus textos, datos y modelos se quedan en este dispositivo, con o sin conexión.',
  deviceReady: 'Este dispositivo está listo',
  deviceStarting: 'Midiendo este dispositivo',
  deviceStartingText: 'El motor busca la forma más rápida de calcular aquí.',
  deviceFailed: 'El motor no arrancó',
  learn: 'Ver cómo aprende',
  learnTitle: 'Mira cómo aprende un modelo',
  learnText:
    'Ajusta {model} con preguntas y respuestas de ejemplo, un minuto o unos pocos. Ves bajar la pérdida y luego hablas con el resultado.',
  chatNow: 'Chatear ya',
  chatTitle: 'O saluda primero',
  chatText: '{model} ya está aquí: {size}, {parameters} pesos, sin descargas.',
  ownTitle: 'Después, enséñale tu forma de escribir',
  ownText: 'Añade textos, CSV o JSONL en Datos y empieza un entrenamiento. Opcional.',
  learnFailed: 'El entrenamiento de ejemplo no empezó',
  runName: 'primer-ajuste',
  smallModel: 'un modelo pequeño',
  starting: 'Empezando',
};
