// Words of datasets of pictures.
export const pictures = {
  title: 'Pictures',
  badge: 'Pictures',
  stored: 'Stored here',
  facts: '{size} in this browser, read {date}',
  notTrained:
    'Language models learn from text: no run draws from pictures. They are cropped, sized and captioned here, and stay when their source goes.',
  ofFound: 'of {count} found',
  captioned: 'With a caption',
  captionedHow: 'at least one',
  shapes: 'Shapes',
  shapesHow: 'width over height',
  each: 'Each',
  eachHow: 'on average, as stored',
  noCaption: 'No caption',
  moreCaptions: '{count} more',
  size: '{width} × {height} · {aspect}',
  noEncoder: 'No vision encoder is installed.',
  noEncoderHelp:
    'Import one as ONNX (pixel_values in, image_embeds or pooler_output out) with its preprocessor_config.json; its features are kept here.',
  from: '{path}, {width} × {height} pixels in its source',
};
