{{- define "plumbline.image" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
volumeMounts:
  - {name: data, mountPath: /data}
  - {name: tmp, mountPath: /tmp}
{{- end }}

{{- define "plumbline.env" -}}
- name: PLUMBLINE_ALLOWED_HOSTS
  value: {{ join "," .Values.allowedHosts | quote }}
- name: PLUMBLINE_TRUSTED_PROXY
  value: {{ .Values.trustedProxy | quote }}
- name: PLUMBLINE_PRIVATE_NETWORKS
  value: {{ join "," .Values.privateNetworks | quote }}
- name: PLUMBLINE_MAIL_FROM
  value: {{ .Values.mailFrom | quote }}
- name: PLUMBLINE_MAIL_URL
  valueFrom: {secretKeyRef: {name: {{ $.Values.existingSecret }}, key: PLUMBLINE_MAIL_URL, optional: true}}
- name: PLUMBLINE_CREDENTIAL_KEYS
  valueFrom: {secretKeyRef: {name: {{ $.Values.existingSecret }}, key: PLUMBLINE_CREDENTIAL_KEYS, optional: true}}
{{- range tuple "PLUMBLINE_SECRET_KEY" "PLUMBLINE_TOKEN_PEPPERS" "PLUMBLINE_AUDIT_KEYS" "DATABASE_URL" "CELERY_BROKER_URL" }}
- name: {{ . }}
  valueFrom: {secretKeyRef: {name: {{ $.Values.existingSecret }}, key: {{ . }}}}
{{- end }}
{{- end }}

{{- define "plumbline.pod" -}}
securityContext: {runAsNonRoot: true, runAsUser: 10001, fsGroup: 10001}
automountServiceAccountToken: false
volumes:
  - name: data
    persistentVolumeClaim: {claimName: {{ .Release.Name }}-data}
  - name: tmp
    emptyDir: {}
{{- end }}
