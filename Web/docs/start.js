// A file of its own, because the content security policy forbids inline scripts.
window.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  // The hosted validator would be asked by the reader's browser; this page talks to the gateway only.
  validatorUrl: null,
});
