window.SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  displayRequestDuration: true,
  // Ask nobody else whether the document is valid.
  validatorUrl: null,
})
