{{- define "tokend.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "tokend.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "tokend.labels" -}}
{{ include "tokend.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "tokend.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "tokend.name" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- /* Stops the installation if the ports of `config` are not those of the probes and Services. */ -}}
{{- define "tokend.check" -}}
{{- $config := fromYaml .Values.config -}}
{{- if hasKey $config "Error" -}}
{{- fail (printf "config: this is not a YAML mapping: %s" $config.Error) -}}
{{- end -}}
{{- $server := $config.server | default dict -}}
{{- $listen := $server.listen | default "0.0.0.0:8080" | toString -}}
{{- if not (hasSuffix ":8080" $listen) -}}
{{- fail (printf "config: server.listen is %s: write 0.0.0.0:8080, the port of the Service and the probes" $listen) -}}
{{- end -}}
{{- $admin := $server.admin | default "" -}}
{{- if kindIs "map" $admin -}}
{{- $admin = $admin.listen | default "" -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled (ne (toString $admin) "0.0.0.0:8081") -}}
{{- fail "config: serviceMonitor.enabled needs `server: {admin: 0.0.0.0:8081}`, where Prometheus reads /metrics" -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled .Values.networkPolicy.enabled (not .Values.networkPolicy.adminFrom) -}}
{{- fail "networkPolicy.adminFrom: serviceMonitor.enabled needs the peers that may reach port 8081: name the pods of Prometheus" -}}
{{- end -}}
{{- end -}}
