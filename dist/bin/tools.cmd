@echo off
rem Becomes the tool or example whose Java class is named.
setlocal
call "%~dp0ferrite-env.cmd" || exit /b 1
if /I "%~1" == "org.apache.rocketmq.tools.command.MQAdminStartup" goto admin
"%FERRITE%" %*
exit /b %ERRORLEVEL%
:admin
for /f "tokens=1,*" %%a in ("%*") do "%FERRITE%" mqadmin %%b
