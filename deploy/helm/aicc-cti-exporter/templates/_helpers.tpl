{{- define "aicc.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "aicc.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "aicc.labels" -}}
{{ include "aicc.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "aicc.secretName" -}}
{{- if .Values.credentials.data -}}{{ include "aicc.fullname" . }}{{- else -}}{{ .Values.credentials.existingSecret }}{{- end -}}
{{- end -}}

{{/* Values that each are valid and cannot work together: one sentence says what to change. */}}
{{- define "aicc.validate" -}}
{{- if not .Values.image.repository -}}
{{- fail "Set image.repository to the image in a registry that the cluster can reach" -}}
{{- end -}}
{{- if and .Values.existingConfigMap .Values.config.call_centers -}}
{{- fail "Set either config.call_centers or existingConfigMap, not both" -}}
{{- end -}}
{{- if not (or .Values.existingConfigMap .Values.config.call_centers) -}}
{{- fail "Set config.call_centers to at least one call center, or existingConfigMap to a ConfigMap with a config.yaml" -}}
{{- end -}}
{{- range .Values.config.call_centers -}}
{{- if .secret_key -}}
{{- fail (printf "Call center %s: secret_key would be readable in a ConfigMap; use secret_key_file: /run/secrets/aicc/secret_key and credentials" .name) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.credentials.existingSecret .Values.credentials.data -}}
{{- fail "Set either credentials.existingSecret or credentials.data, not both" -}}
{{- end -}}
{{- if and (gt (int .Values.replicas) 1) .Values.persistence.enabled .Values.persistence.existingClaim -}}
{{- fail "Replicas cannot share one volume: set replicas to 1, or leave persistence.existingClaim empty so that each gets its own" -}}
{{- end -}}
{{- if and .Values.persistence.existingClaim (not .Values.persistence.enabled) -}}
{{- fail "persistence.existingClaim needs persistence.enabled: true" -}}
{{- end -}}
{{- end -}}

{{- define "aicc.probe" -}}
{{- $path := .path -}}
{{- if .root.Values.web.configSecret -}}
exec:
  command: [node, /app/dist/main.js, healthcheck{{ if eq $path "/-/ready" }}, --ready{{ end }}]
timeoutSeconds: 5
periodSeconds: 30
{{- else -}}
httpGet:
  path: {{ $path }}
  port: http
timeoutSeconds: 3
periodSeconds: 10
{{- end -}}
{{- end -}}
